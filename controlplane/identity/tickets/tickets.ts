import type { Reader, Writer } from '../../../mcdsl/database/index.ts';
import { hashOfSecret, hashSecret, newSecret } from '../../../mcdsl/secrets/index.ts';
import { identityErrors } from '../errors.ts';
import { places, type Sealer } from '../keys/index.ts';

/** What a ticket is for; one of another kind is as good as none. */
export const ticketKinds = ['mfa', 'webauthn_login', 'webauthn_register', 'reset', 'sso_request'] as const;
export type TicketKind = (typeof ticketKinds)[number];

export type TicketDraft = {
  readonly kind: TicketKind;
  readonly accountId: string | null;
  readonly sessionId: string | null;
  /** What must be known again when the ticket comes back; sealed. A JSON value, null for nothing. */
  readonly data: unknown;
  readonly lifetimeMs: number;
};

export type IssuedTicket = { readonly ticket: string; readonly expiresAt: number };

export type Ticket = {
  readonly accountId: string | null;
  readonly sessionId: string | null;
  /** As it was given; the taker parses it. */
  readonly data: unknown;
  /** Failed tries so far. */
  readonly attempts: number;
  readonly expiresAt: number;
};

/** Unredeemed tickets of one kind. Expired ones leave first; when the others are as many, a new one is refused with `busy`. */
export const maxTickets = 10_000;

/** A ticket of 256 bits, of which the database knows the hash alone. @throws busy when there are too many of its kind */
export function issueTicket(writer: Writer, sealer: Sealer, draft: TicketDraft, now: number): IssuedTicket {
  const { kind, accountId, sessionId, data, lifetimeMs } = draft;
  makeRoom(writer, kind, now);
  const ticket = newSecret();
  const hTicket = hashSecret(ticket);
  const plain = data === null ? null : Buffer.from(JSON.stringify(data));
  const expiresAt = now + lifetimeMs;
  writer.run(
    `INSERT INTO tickets (h_ticket, kind, account_id, session_id, s_data, expires_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    [hTicket, kind, accountId, sessionId, plain && sealer.seal(writer, places.ticket(hTicket), plain), expiresAt, now],
  );
  return { ticket, expiresAt };
}

/** Redeems a ticket: it is gone, whatever comes of it. Null for one that is unknown, expired, used, or of another kind. */
export function takeTicket(
  writer: Writer,
  sealer: Sealer,
  kind: TicketKind,
  ticket: string,
  now: number,
): Ticket | null {
  const hTicket = hashOfSecret(ticket);
  if (hTicket === null) return null;
  const row = writer.get<TicketRow>(
    `DELETE FROM tickets WHERE h_ticket = ? AND kind = ? AND expires_at > ?
     RETURNING account_id, session_id, s_data, attempts, expires_at`,
    [hTicket, kind, now],
  );
  return row && toTicket(row, sealer, hTicket);
}

/** Looks at a ticket that may be tried several times, such as one for a second factor. */
export function readTicket(
  reader: Reader,
  sealer: Sealer,
  kind: TicketKind,
  ticket: string,
  now: number,
): Ticket | null {
  const hTicket = hashOfSecret(ticket);
  if (hTicket === null) return null;
  const row = reader.get<TicketRow>(
    `SELECT account_id, session_id, s_data, attempts, expires_at FROM tickets
     WHERE h_ticket = ? AND kind = ? AND expires_at > ?`,
    [hTicket, kind, now],
  );
  return row && toTicket(row, sealer, hTicket);
}

/** Counts a failed try; the last one that is allowed takes the ticket away. */
export function countTry(writer: Writer, kind: TicketKind, ticket: string, maxTries: number): void {
  const hTicket = hashOfSecret(ticket);
  if (hTicket === null) return;
  writer.run('UPDATE tickets SET attempts = attempts + 1 WHERE h_ticket = ? AND kind = ?', [hTicket, kind]);
  writer.run('DELETE FROM tickets WHERE h_ticket = ? AND kind = ? AND attempts >= ?', [hTicket, kind, maxTries]);
}

/** Takes back what was handed out to an account. Returns how many there were. */
export function dropTickets(writer: Writer, accountId: string, kind: TicketKind): number {
  return writer.run('DELETE FROM tickets WHERE account_id = ? AND kind = ?', [accountId, kind]).changes;
}

/** Removes expired tickets, `atOnce` at most; returns how many. */
export function pruneTickets(writer: Writer, now: number, atOnce = 500): number {
  return writer.run(
    'DELETE FROM tickets WHERE h_ticket IN (SELECT h_ticket FROM tickets WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)',
    [now, atOnce],
  ).changes;
}

export function countTickets(reader: Reader, kind: TicketKind): number {
  return reader.get<{ n: number }>('SELECT n FROM ticket_counts WHERE kind = ?', [kind])?.n ?? 0;
}

type TicketRow = {
  readonly account_id: string | null;
  readonly session_id: string | null;
  readonly s_data: Uint8Array | null;
  readonly attempts: number;
  readonly expires_at: number;
};

function makeRoom(writer: Writer, kind: TicketKind, now: number): void {
  if (countTickets(writer, kind) < maxTickets) return;
  if (pruneTickets(writer, now) > 0 && countTickets(writer, kind) < maxTickets) return;
  const message = 'too many requests of this kind are waiting to be finished; try again in a minute';
  throw identityErrors.error('busy', message, {}, { retryAfterSeconds: 60 });
}

function toTicket(row: TicketRow, sealer: Sealer, hTicket: Uint8Array): Ticket {
  const data: unknown =
    row.s_data === null ? null : JSON.parse(sealer.open(places.ticket(hTicket), row.s_data).toString('utf8'));
  return {
    accountId: row.account_id,
    sessionId: row.session_id,
    data,
    attempts: row.attempts,
    expiresAt: row.expires_at,
  };
}
