import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseSignOn } from './request.ts';

const redirectUri = 'https://app.example.test/sso/callback';
const clients = [
  { clientId: 'mcq', redirectUri, serviceName: 'mcq', tags: ['env:prod'] },
  { clientId: 'mcq', redirectUri: 'https://two.example.test/sso/callback', serviceName: 'mcq', tags: [] },
];
const issuer = 'https://mcias.example.test';
const good = {
  client_id: 'mcq',
  redirect_uri: redirectUri,
  state: 'a-state',
  code_challenge: 'c'.repeat(43),
  code_challenge_method: 'S256',
};
const parse = (fields: Record<string, string | string[] | undefined>) =>
  parseSignOn(clients, issuer, { ...good, ...fields });

describe('a request of single sign-on', () => {
  it('IA-47 is taken as the seeds send it, also from a second address of the client', () => {
    expect(parse({})).toMatchObject({ kind: 'sign_on', signOn: { state: 'a-state', prompt: null } });
    expect(parse({ redirect_uri: 'https://two.example.test/sso/callback', prompt: 'login' })).toMatchObject({
      kind: 'sign_on',
      signOn: { client: { tags: [] }, prompt: 'login' },
    });
  });

  it.each([
    ['client_id', 'other'],
    ['client_id', ''],
    ['redirect_uri', `${redirectUri}/`],
    ['redirect_uri', 'https://APP.example.test/sso/callback'],
    ['redirect_uri', 'https://app.example.test/SSO/callback'],
    ['redirect_uri', 'https://app.example.test:443/sso/callback'],
    ['redirect_uri', 'https://app.example.test:8443/sso/callback'],
    ['redirect_uri', 'https://evil@app.example.test/sso/callback'],
    ['redirect_uri', '//evil'],
    ['redirect_uri', `${redirectUri}?a=b`],
    ['redirect_uri', `${redirectUri}#x`],
    ['redirect_uri', 'javascript:alert(1)'],
  ])('IA-49 bad input row 26: %s %j is a page, never a redirect', (field, value) => {
    expect(parse({ [field]: value })).toEqual({ kind: 'page', reason: 'redirect_mismatch' });
  });

  it('IA-49 never answers to another address, whatever is asked for', () => {
    const near = fc
      .tuple(fc.nat(redirectUri.length), fc.string({ maxLength: 3 }))
      .map(([at, text]) => redirectUri.slice(0, at) + text + redirectUri.slice(at));
    fc.assert(
      fc.property(fc.oneof(near, fc.webUrl(), fc.string()), (address) => {
        const parsed = parse({ redirect_uri: address });
        expect(parsed.kind).toBe(clients.some((client) => client.redirectUri === address) ? 'sign_on' : 'page');
      }),
    );
  });

  it.each([
    [{ state: undefined }, 'invalid_request', 'state_missing'],
    [{ state: ['a', 'b'] }, 'invalid_request', 'state_missing'],
    [{ code_challenge: undefined }, 'invalid_request', 'pkce_required'],
    [{ code_challenge: 'short' }, 'invalid_request', 'pkce_required'],
    [{ code_challenge_method: 'plain' }, 'invalid_request', 'pkce_required'],
    [{ code_challenge_method: undefined }, 'invalid_request', 'pkce_required'],
    [{ response_type: 'token' }, 'unsupported_response_type', 'response_type'],
    [{ prompt: 'none' }, 'invalid_request', 'bad_value'],
  ])('IA-48 IA-49 bad input row 27: %j goes back with error %s, state and iss', (fields, error, reason) => {
    const parsed = parse(fields);
    if (parsed.kind !== 'answer') throw new Error(`${parsed.kind} is no answer`);
    const to = new URL(parsed.to);
    expect([parsed.reason, to.origin + to.pathname]).toEqual([reason, redirectUri]);
    const { searchParams } = to;
    const expected = 'state' in fields ? null : 'a-state';
    expect([searchParams.get('error'), searchParams.get('state'), searchParams.get('iss')]).toEqual([
      error,
      expected,
      issuer,
    ]);
  });

  it('IA-48 the built-in client of mciasctl is at home on loopback alone', () => {
    const at = (uri: string) => parse({ client_id: 'mciasctl', redirect_uri: uri }).kind;
    expect(at('http://127.0.0.1:51234/callback')).toBe('sign_on');
    expect(at('http://[::1]:51234/callback')).toBe('sign_on');
    for (const uri of [
      'http://127.0.0.2:1/callback',
      'http://localhost:1/callback',
      'http://127.0.0.1:1/other',
      'https://127.0.0.1:1/callback',
      'http://127.0.0.1:99999/callback',
    ]) {
      expect(at(uri)).toBe('page');
    }
  });
});
