import type { Reader, Writer } from '../../../mcdsl/database/index.ts';
import { refusal } from '../errors.ts';
import type { Sealer } from '../keys/index.ts';
import { countTry, readTicket, takeTicket, type Ticket } from '../tickets/index.ts';

export const maxMfaTries = 5;

/** A login whose password was right and whose second factor is missing; `login` is what goes on when it has come. */
export interface PendingLogin {
  readonly accountId: string;
  readonly login: unknown;
}

/** @throws invalid_credentials, reason ticket_invalid, when it is unknown, expired, of another kind, or has had five wrong tries */
export function readMfa(reader: Reader, sealer: Sealer, ticket: string, now: number): PendingLogin {
  return pending(readTicket(reader, sealer, 'mfa', ticket, now));
}

/** Counts a wrong second factor; the fifth takes the ticket away. Refuse after the transaction, which must not be undone. */
export function failMfa(writer: Writer, ticket: string): void {
  countTry(writer, 'mfa', ticket, maxMfaTries);
}

/** The login is complete: the ticket is gone. @throws as readMfa, also when another request was faster */
export function completeMfa(writer: Writer, sealer: Sealer, ticket: string, now: number): PendingLogin {
  return pending(takeTicket(writer, sealer, 'mfa', ticket, now));
}

function pending(ticket: Ticket | null): PendingLogin {
  if (ticket === null || ticket.accountId === null) throw refusal('invalid_credentials', 'ticket_invalid');
  return { accountId: ticket.accountId, login: ticket.data };
}
