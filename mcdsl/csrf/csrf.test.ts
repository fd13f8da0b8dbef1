import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { createCsrf } from './index.ts';

const origin = 'https://app.example.test';
const csrf = createCsrf({ service: 'demo', origin });

function facts(headers: Record<string, string>, cookies: Record<string, string> = {}) {
  const set: string[] = [];
  return {
    set,
    header: (name: string) => headers[name] ?? null,
    cookie: (name: string) => cookies[name] ?? null,
    addCookie: (line: string) => void set.push(line),
  };
}

/** A visitor who was shown a form: their cookie, and the form's value. */
function visit() {
  const seen = facts({});
  const token = csrf.preToken(seen);
  const [, value = ''] = /^__Host-demo-pre=([^;]*);/.exec(seen.set[0] ?? '') ?? [];
  return { token, cookies: { '__Host-demo-pre': value }, line: seen.set[0] };
}

const ours = { 'sec-fetch-site': 'same-origin' };
const reason = (why: string) => expect.objectContaining({ code: 'csrf_failed', http: 403, details: { reason: why } });

describe('CSRF', () => {
  it('IA-75 admits the form that was shown, with either word of the browser', () => {
    const { token, cookies, line } = visit();
    expect(line).toMatch(/^__Host-demo-pre=[\w-]{43}; Path=\/; Max-Age=900; Secure; HttpOnly; SameSite=Lax$/);
    csrf.checkPre(facts(ours, cookies), token);
    csrf.checkPre(facts({ origin }, cookies), token);
    csrf.check(facts(ours), 'sid-1', csrf.token('sid-1'));
    expect(csrf.preToken(facts({}, cookies))).toBe(token);
  });

  it.each<[string, Record<string, string>]>([
    ['a foreign page', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.test' }],
    ['a foreign page that claims our origin', { 'sec-fetch-site': 'cross-site', origin }],
    ['another host of the same site', { 'sec-fetch-site': 'same-site', origin: 'https://other.example.test' }],
    ['an address that was typed', { 'sec-fetch-site': 'none' }],
    ['an opaque origin', { origin: 'null' }],
    ['another port', { origin: `${origin}:8443` }],
    ['plain HTTP', { origin: 'http://app.example.test' }],
    ['nobody', {}],
  ])('IA-75 row 35: refuses a form sent by %s, whatever it carries', (_who, headers) => {
    const { token, cookies } = visit();
    expect(() => csrf.checkPre(facts(headers, cookies), token)).toThrow(reason('csrf_origin'));
    expect(() => csrf.check(facts(headers), 'sid', csrf.token('sid'))).toThrow(reason('csrf_origin'));
  });

  it('row 35: refuses a form without a pre-session, without a value, and with that of another visitor', () => {
    const mine = visit();
    const theirs = visit();
    expect(() => csrf.checkPre(facts(ours), mine.token)).toThrow(reason('csrf_missing'));
    expect(() => csrf.checkPre(facts(ours, mine.cookies), undefined)).toThrow(reason('csrf_missing'));
    expect(() => csrf.checkPre(facts(ours, mine.cookies), theirs.token)).toThrow(reason('csrf_mismatch'));
    expect(() => csrf.check(facts(ours), 'sid-1', csrf.token('sid-2'))).toThrow(reason('csrf_mismatch'));
    expect(() => createCsrf({ service: 'demo', origin }).checkPre(facts(ours, mine.cookies), mine.token)).toThrow(
      reason('csrf_mismatch'),
    );
  });

  it('keeps values of sessions and of visitors apart, and admits no value made up', () => {
    const { cookies } = visit();
    const planted = cookies['__Host-demo-pre'];
    expect(() => csrf.checkPre(facts(ours, cookies), csrf.token(planted))).toThrow(reason('csrf_mismatch'));
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (text) => {
        expect(() => csrf.check(facts(ours), 'sid', text)).toThrow(reason('csrf_mismatch'));
      }),
    );
  });
});
