import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createTestClock, type TestClock } from '../test-support/clock.ts';
import { openTempKeys, type TempKeys } from '../test-support/temp-keys.ts';
import {
  countTickets,
  countTry,
  dropTickets,
  issueTicket,
  maxTickets,
  pruneTickets,
  readTicket,
  takeTicket,
  type TicketDraft,
  type TicketKind,
} from './index.ts';

let temp: TempKeys;
let clock: TestClock;
beforeEach(async () => {
  temp = await openTempKeys({ series: [] });
  clock = createTestClock();
  temp.store.change((w) => {
    w.run("INSERT INTO accounts (id, name, type, status, created_at) VALUES ('a1', 'ann', 'human', 'enabled', 1)");
  });
});
afterEach(() => temp[Symbol.dispose]());

const draft: TicketDraft = { kind: 'mfa', accountId: 'a1', sessionId: null, data: { step: 'totp' }, lifetimeMs: 1000 };
const issue = (more: Partial<TicketDraft> = {}) =>
  temp.store.change((w) => issueTicket(w, temp.sealer, { ...draft, ...more }, clock.now()));
const take = (ticket: string, kind: TicketKind = 'mfa') =>
  temp.store.change((w) => takeTicket(w, temp.sealer, kind, ticket, clock.now()));
const read = (ticket: string) => readTicket(temp.store.reader, temp.sealer, 'mfa', ticket, clock.now());

describe('tickets', () => {
  it('IA-20 are gone once they are taken', () => {
    const { ticket, expiresAt } = issue();
    expect(expiresAt).toBe(clock.now() + 1000);
    expect(read(ticket)).toMatchObject({ accountId: 'a1', data: { step: 'totp' }, attempts: 0 });
    expect(take(ticket)).toMatchObject({ accountId: 'a1', data: { step: 'totp' } });
    expect([take(ticket), read(ticket)]).toEqual([null, null]);
  });

  it('are worth nothing when expired, of another kind, unknown or malformed', () => {
    const { ticket } = issue();
    expect(take(ticket, 'reset')).toBeNull();
    expect(take('A'.repeat(43))).toBeNull();
    expect(take("' OR 1=1--")).toBeNull();
    clock.advance(1000);
    expect(take(ticket)).toBeNull();
  });

  it('IA-69 lie in the database as hash and sealed data', () => {
    const { ticket } = issue();
    const [row] = temp.store.reader.all<{ h_ticket: Buffer; s_data: Buffer }>('SELECT * FROM tickets');
    expect(row?.h_ticket).toHaveLength(32);
    expect(Buffer.from(row?.s_data ?? []).includes('totp')).toBe(false);
    expect(JSON.stringify(row)).not.toContain(ticket);
  });

  it('end after so many tries', () => {
    const { ticket } = issue();
    for (let i = 0; i < 4; i++) temp.store.change((w) => countTry(w, 'mfa', ticket, 5));
    expect(read(ticket)).toMatchObject({ attempts: 4 });
    temp.store.change((w) => countTry(w, 'mfa', ticket, 5));
    expect(read(ticket)).toBeNull();
  });

  it('of an account can be taken back', () => {
    const { ticket } = issue();
    expect(temp.store.change((w) => dropTickets(w, 'a1', 'reset'))).toBe(0);
    expect(temp.store.change((w) => dropTickets(w, 'a1', 'mfa'))).toBe(1);
    expect(read(ticket)).toBeNull();
  });

  it('IA-65 are bounded for each kind: expired ones leave, then busy', () => {
    temp.store.change((w) => {
      for (let i = 0; i < maxTickets; i++) issueTicket(w, temp.sealer, { ...draft, data: null }, clock.now());
    });
    expect(() => issue()).toThrow(expect.objectContaining({ code: 'busy', retryAfterSeconds: 60 }));
    expect(issue({ kind: 'reset', lifetimeMs: 9000 }).ticket).toHaveLength(43);
    clock.advance(1000);
    expect(issue().ticket).toHaveLength(43);
    expect(countTickets(temp.store.reader, 'mfa')).toBe(maxTickets - 499);
    expect(temp.store.change((w) => pruneTickets(w, clock.now(), 20_000))).toBe(maxTickets - 500);
    const rows = temp.store.reader.all('SELECT kind, count(*) AS n FROM tickets GROUP BY kind ORDER BY kind');
    expect(rows).toEqual([
      { kind: 'mfa', n: 1 },
      { kind: 'reset', n: 1 },
    ]);
    expect(temp.store.reader.all('SELECT kind, n FROM ticket_counts')).toEqual(rows);
  });
});
