import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { refusalOf } from '../errors.ts';
import { issueTicket, type TicketDraft } from '../tickets/index.ts';
import { addAccount } from '../test-support/add-account.ts';
import { startOfTests } from '../test-support/clock.ts';
import { openTempKeys, type TempKeys } from '../test-support/temp-keys.ts';
import { completeMfa, failMfa, maxMfaTries, readMfa } from './mfa-tickets.ts';

const now = startOfTests;
const lifetimeMs = 300_000;

let temp: TempKeys;
let ann: string;
beforeEach(async () => {
  temp = await openTempKeys({ series: [] });
  ann = addAccount(temp.store, 'ann');
});
afterEach(() => temp[Symbol.dispose]());

const issue = (fields: Partial<TicketDraft> = {}): string => {
  const draft = {
    kind: 'mfa' as const,
    accountId: ann,
    sessionId: null,
    data: { service: 'mcq' },
    lifetimeMs,
    ...fields,
  };
  return temp.store.change((w) => issueTicket(w, temp.sealer, draft, now)).ticket;
};
const read = (ticket: string, at = now) => readMfa(temp.store.reader, temp.sealer, ticket, at);
const complete = (ticket: string) => temp.store.change((w) => completeMfa(w, temp.sealer, ticket, now));

function reasonOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return refusalOf(error)?.reason ?? 'none';
  }
  return 'done';
}

describe('a login that waits for its second factor', () => {
  it('goes on once when the factor has come', () => {
    const ticket = issue();
    expect(read(ticket)).toEqual({ accountId: ann, login: { service: 'mcq' } });
    expect(complete(ticket)).toEqual({ accountId: ann, login: { service: 'mcq' } });
    expect(reasonOf(() => complete(ticket))).toBe('ticket_invalid');
  });

  it('bad input row 21: an mfa_ticket has five tries', () => {
    const ticket = issue();
    for (let n = 0; n < maxMfaTries; n++) {
      expect(reasonOf(() => read(ticket))).toBe('done');
      temp.store.change((w) => failMfa(w, ticket));
    }
    expect([reasonOf(() => read(ticket)), reasonOf(() => complete(ticket))]).toEqual([
      'ticket_invalid',
      'ticket_invalid',
    ]);
  });

  it('bad input row 21: an expired ticket, or one of another kind, is worth nothing', () => {
    expect(reasonOf(() => read(issue(), now + lifetimeMs))).toBe('ticket_invalid');
    expect(reasonOf(() => read(issue({ kind: 'webauthn_login' })))).toBe('ticket_invalid');
    expect(reasonOf(() => read(issue({ accountId: null })))).toBe('ticket_invalid');
    expect(reasonOf(() => read('x'))).toBe('ticket_invalid');
  });
});
