import type { Reader, Writer } from '../../../mcdsl/database/index.ts';
import { hashOfSecret, hashSecret, newSecret } from '../../../mcdsl/secrets/index.ts';
import { refusal } from '../errors.ts';
import { places, type Sealer } from '../keys/index.ts';

export type TicketKind = 'mfa' | 'webauthn_login' | 'webauthn_register' | 'reset' | 'sso_request';

export interface NewTicket {
  readonly kind: TicketKind;
  readonly accountId: string | null;
  readonly sessionId: string | null;
  /** Remembered sealed, given back as it was; JSON. */
  readonly data: unknown;
  readonly ttlMs: number;
}

export interface Ticket {
  readonly accountId: string | null;
  readonly sessionId: string | null;
  /** As it was given; judge it with a schema. */
  readonly data: unknown;
  /** Tries counted so far, this one included. */
  readonly attempts: number;
  readonly expiresAt: number;
}

/**
 * What is half done: a login that waits for its second factor, a WebAuthn challenge, a reset. The holder has 256 random bits, the
 * database their hash. A ticket of another kind, an expired and an unknown one look the same: null.
 */
export interface Tickets {
  /** @throws busy when `capacity` live ones of the kind wait */
  issue(writer: Writer, ticket: NewTicket, now: number): string;
  read(reader: Reader, kind: TicketKind, secret: string, now: number): Ticket | null;
  /** Takes it away, so that it serves once, whatever comes after. */
  consume(writer: Writer, kind: TicketKind, secret: string, now: number): Ticket | null;
  /** Counts a try; null, and gone, when it has had `max` of them. */
  attempt(writer: Writer, kind: TicketKind, secret: string, now: number, max: number): Ticket | null;
  /** All of an account, such as after a change of its password. Returns how many. */
  discardOf(writer: Writer, accountId: string): number;
  /** Removes expired ones, 500 at most; returns how many. */
  prune(writer: Writer, now: number): number;
  stats(reader: Reader): TicketStats;
}

export interface TicketStats {
  readonly capacity: number;
  readonly live: Readonly<Partial<Record<TicketKind, number>>>;
}

interface Row {
  readonly account_id: string | null;
  readonly session_id: string | null;
  readonly s_data: Uint8Array;
  readonly attempts: number;
  readonly expires_at: number;
}

const columns = 'account_id, session_id, s_data, attempts, expires_at';

export function createTickets(sealer: Sealer, capacity = 10_000): Tickets {
  function opened(hash: Uint8Array, row: Row | null): Ticket | null {
    if (row === null) return null;
    return {
      accountId: row.account_id,
      sessionId: row.session_id,
      data: JSON.parse(sealer.open(places.ticket(hash), row.s_data).toString('utf8')) as unknown,
      attempts: row.attempts,
      expiresAt: row.expires_at,
    };
  }

  function makeRoom(writer: Writer, kind: TicketKind, now: number): void {
    if (count(writer, kind) < capacity) return;
    prune(writer, now);
    if (count(writer, kind) < capacity) return;
    throw refusal('busy', 'table_full', {
      message: 'too many logins wait to be completed; try again',
      retryAfterSeconds: 30,
    });
  }

  return {
    issue(writer, { kind, accountId, sessionId, data, ttlMs }, now) {
      makeRoom(writer, kind, now);
      const secret = newSecret();
      const hash = hashSecret(secret);
      writer.run(
        `INSERT INTO tickets (h_ticket, kind, account_id, session_id, s_data, expires_at, created_at)
         VALUES (@hash, @kind, @accountId, @sessionId, @sealed, @expiresAt, @now)`,
        {
          hash,
          kind,
          accountId,
          sessionId,
          sealed: sealer.seal(writer, places.ticket(hash), Buffer.from(JSON.stringify(data ?? null), 'utf8')),
          expiresAt: now + ttlMs,
          now,
        },
      );
      return secret;
    },

    read(reader, kind, secret, now) {
      const hash = hashOfSecret(secret);
      if (hash === null) return null;
      const where = 'h_ticket = @hash AND kind = @kind AND expires_at > @now';
      return opened(hash, reader.get<Row>(`SELECT ${columns} FROM tickets WHERE ${where}`, { hash, kind, now }));
    },

    consume(writer, kind, secret, now) {
      const hash = hashOfSecret(secret);
      if (hash === null) return null;
      const sql = `DELETE FROM tickets WHERE h_ticket = @hash AND kind = @kind RETURNING ${columns}`;
      const row = writer.get<Row>(sql, { hash, kind });
      return row === null || row.expires_at <= now ? null : opened(hash, row);
    },

    attempt(writer, kind, secret, now, max) {
      const hash = hashOfSecret(secret);
      if (hash === null) return null;
      const sql = `UPDATE tickets SET attempts = attempts + 1
        WHERE h_ticket = @hash AND kind = @kind AND expires_at > @now RETURNING ${columns}`;
      const row = writer.get<Row>(sql, { hash, kind, now });
      if (row === null || row.attempts <= max) return opened(hash, row);
      writer.run('DELETE FROM tickets WHERE h_ticket = ?', [hash]);
      return null;
    },

    discardOf: (writer, accountId) => writer.run('DELETE FROM tickets WHERE account_id = ?', [accountId]).changes,
    prune,
    stats: (reader) => ({
      capacity,
      live: Object.fromEntries(
        reader
          .all<{ kind: TicketKind; n: number }>('SELECT kind, count(*) AS n FROM tickets GROUP BY kind')
          .map(({ kind, n }) => [kind, n]),
      ),
    }),
  };
}

function prune(writer: Writer, now: number): number {
  return writer.run(
    'DELETE FROM tickets WHERE h_ticket IN (SELECT h_ticket FROM tickets WHERE expires_at <= ? ORDER BY expires_at LIMIT 500)',
    [now],
  ).changes;
}

function count(reader: Reader, kind: TicketKind): number {
  return reader.get<{ n: number }>('SELECT count(*) AS n FROM tickets WHERE kind = ?', [kind])?.n ?? 0;
}
