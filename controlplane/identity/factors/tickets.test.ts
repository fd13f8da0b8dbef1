import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { refusalOf } from '../errors.ts';
import { addAccount } from '../test-support/add-account.ts';
import { startOfTests } from '../test-support/clock.ts';
import { openTempKeys, type TempKeys } from '../test-support/temp-keys.ts';
import { attemptMfa, completeMfa } from './mfa-tickets.ts';
import { createTickets, type NewTicket, type Tickets } from './tickets.ts';

const now = startOfTests;
const ttlMs = 300_000;

let temp: TempKeys;
let tickets: Tickets;
let ann: string;
beforeEach(async () => {
  temp = await openTempKeys({ series: [] });
  tickets = createTickets(temp.sealer);
  ann = addAccount(temp.store, 'ann');
});
afterEach(() => temp[Symbol.dispose]());

const issue = (fields: Partial<NewTicket> = {}) =>
  temp.store.change((w) =>
    tickets.issue(w, { kind: 'mfa', accountId: ann, sessionId: null, data: { service: 'mcq' }, ttlMs, ...fields }, now),
  );

function reasonOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return refusalOf(error)?.reason ?? 'none';
  }
  return 'done';
}

describe('tickets', () => {
  it('IA-27 are 256 bits, stored as a hash, with what they remember sealed', () => {
    const secret = issue({ data: { planted: 'remember-me' } });
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    const files = Buffer.concat(['', '-wal'].map((end) => readFileSync(temp.path + end)));
    for (const planted of [secret, 'remember-me']) expect(files.includes(planted)).toBe(false);
    expect(tickets.read(temp.store.reader, 'mfa', secret, now)).toEqual({
      accountId: ann,
      sessionId: null,
      data: { planted: 'remember-me' },
      attempts: 0,
      expiresAt: now + ttlMs,
    });
  });

  it('are good until they expire, for their kind alone, and once', () => {
    const secret = issue({ kind: 'reset' });
    const consume = (kind: 'mfa' | 'reset', at: number) =>
      temp.store.change((w) => tickets.consume(w, kind, secret, at));
    expect(tickets.read(temp.store.reader, 'reset', secret, now + ttlMs)).toBeNull();
    expect(tickets.read(temp.store.reader, 'mfa', secret, now)).toBeNull();
    expect(consume('mfa', now)).toBeNull();
    expect(consume('reset', now + ttlMs - 1)).toMatchObject({ accountId: ann });
    expect(consume('reset', now)).toBeNull();
  });

  it.each(['', 'x', 'A'.repeat(43), 'A'.repeat(44), `${'A'.repeat(42)}%`])('unknown ones are null: %j', (secret) => {
    issue();
    expect(tickets.read(temp.store.reader, 'mfa', secret, now)).toBeNull();
    expect(temp.store.change((w) => tickets.consume(w, 'mfa', secret, now))).toBeNull();
    expect(temp.store.change((w) => tickets.attempt(w, 'mfa', secret, now, 5))).toBeNull();
  });

  it('IA-65 wait in a bounded number of each kind; expired ones make room, else the next caller is told busy', () => {
    tickets = createTickets(temp.sealer, 3);
    for (let n = 0; n < 3; n++) issue();
    issue({ kind: 'reset' });
    expect(() => issue()).toThrow(expect.objectContaining({ code: 'busy', retry: true }));
    expect(tickets.stats(temp.store.reader)).toEqual({ capacity: 3, live: { mfa: 3, reset: 1 } });
    const later = now + ttlMs;
    const ticket = { kind: 'mfa' as const, accountId: ann, sessionId: null, data: null, ttlMs };
    expect(temp.store.change((w) => tickets.issue(w, ticket, later))).toHaveLength(43);
    expect(tickets.stats(temp.store.reader).live).toEqual({ mfa: 1 });
  });

  it('of one account can be thrown away together', () => {
    issue();
    issue({ kind: 'reset' });
    issue({ accountId: null });
    expect(temp.store.change((w) => tickets.discardOf(w, ann))).toBe(2);
    expect(tickets.stats(temp.store.reader).live).toEqual({ mfa: 1 });
  });
});

describe('a login that waits for its second factor', () => {
  it('goes on once when the factor has come', () => {
    const secret = issue();
    expect(temp.store.change((w) => attemptMfa(tickets, w, secret, now))).toEqual({
      accountId: ann,
      login: { service: 'mcq' },
    });
    expect(temp.store.change((w) => completeMfa(tickets, w, secret, now))).toMatchObject({ accountId: ann });
    expect(reasonOf(() => temp.store.change((w) => completeMfa(tickets, w, secret, now)))).toBe('ticket_invalid');
  });

  it('bad input row 21: an mfa_ticket has five tries, an expired one or one of another kind has none', () => {
    const secret = issue();
    const attempt = (ticket: string, at = now) => temp.store.change((w) => attemptMfa(tickets, w, ticket, at));
    for (let n = 1; n <= 5; n++) expect(attempt(secret)).toMatchObject({ accountId: ann });
    expect(attempt(secret)).toBeNull();
    expect(tickets.stats(temp.store.reader).live).toEqual({});
    expect(attempt(issue(), now + ttlMs)).toBeNull();
    expect(attempt(issue({ kind: 'webauthn_login' }))).toBeNull();
    expect(attempt(issue({ accountId: null }))).toBeNull();
    expect(reasonOf(() => temp.store.change((w) => completeMfa(tickets, w, secret, now)))).toBe('ticket_invalid');
  });
});
