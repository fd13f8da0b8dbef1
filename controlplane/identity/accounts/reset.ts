import type { Writer } from '../../../mcdsl/database/index.ts';
import { identityErrors, refusal } from '../errors.ts';
import type { Sealer } from '../keys/index.ts';
import { dropTickets, issueTicket, takeTicket, type IssuedTicket } from '../tickets/index.ts';
import type { Account } from './account.ts';
import { findAccountById } from './find.ts';

/** A ticket to set a new password with; one that was handed out before is worth nothing from now on. @throws failed_precondition */
export function issueResetTicket(
  writer: Writer,
  sealer: Sealer,
  account: Account,
  lifetimeMs: number,
  now: number,
): IssuedTicket {
  if (account.type === 'system') {
    throw identityErrors.error('failed_precondition', `${account.name} is a system account and has no password`);
  }
  dropTickets(writer, account.id, 'reset');
  return issueTicket(
    writer,
    sealer,
    { kind: 'reset', accountId: account.id, sessionId: null, data: null, lifetimeMs },
    now,
  );
}

/** Redeems a ticket, once. @throws invalid_credentials for any that is not good, or whose account is not enabled */
export function takeResetTicket(writer: Writer, sealer: Sealer, ticket: string, now: number): Account {
  const taken = takeTicket(writer, sealer, 'reset', ticket, now);
  const account = taken?.accountId ? findAccountById(writer, taken.accountId) : null;
  if (account?.status === 'enabled') return account;
  const reason = account === null ? 'ticket_invalid' : 'account_disabled';
  throw refusal('invalid_credentials', reason, { message: 'the ticket is not valid; ask an admin for another one' });
}
