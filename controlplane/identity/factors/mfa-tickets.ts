import type { Writer } from '../../../mcdsl/database/index.ts';
import { refusal } from '../errors.ts';
import type { Ticket, Tickets } from './tickets.ts';

export const maxMfaAttempts = 5;

/** A login whose password was right and whose second factor is missing; `login` is what goes on when it has come. */
export interface PendingLogin {
  readonly accountId: string;
  readonly login: unknown;
}

/**
 * Counts a try with this ticket before anything of it is checked. Null when it is unknown, expired, of another kind, or has had
 * five tries; refuse with `ticketInvalid()`, after the transaction, which must not be undone with the count.
 */
export function attemptMfa(tickets: Tickets, writer: Writer, secret: string, now: number): PendingLogin | null {
  return pending(tickets.attempt(writer, 'mfa', secret, now, maxMfaAttempts));
}

/** The login is complete: the ticket is gone. @throws invalid_credentials, when another request was faster */
export function completeMfa(tickets: Tickets, writer: Writer, secret: string, now: number): PendingLogin {
  const login = pending(tickets.consume(writer, 'mfa', secret, now));
  if (login === null) throw ticketInvalid();
  return login;
}

export function ticketInvalid(): Error {
  return refusal('invalid_credentials', 'ticket_invalid');
}

function pending(ticket: Ticket | null): PendingLogin | null {
  if (ticket === null || ticket.accountId === null) return null;
  return { accountId: ticket.accountId, login: ticket.data };
}
