import { randomUUID } from 'node:crypto';

import type { Reader, Writer } from '../../../mcdsl/database/index.ts';
import { hashOfSecret, hashSecret, newSecret } from '../../../mcdsl/secrets/index.ts';
import { identityErrors } from '../errors.ts';
import { toPage, type Page, type PageRequest } from '../store/index.ts';
import { endSession } from './end.ts';
import { isLive, toSession, type Amr, type Session, type SessionRow, type SessionTimes } from './session.ts';

export type SessionDraft = {
  readonly accountId: string;
  readonly isAdmin: boolean;
  readonly amr: readonly Amr[];
  readonly ip: string;
  readonly userAgent: string;
};

export type OpenedSession = {
  readonly session: Session;
  /** What the browser's cookie holds: 256 bits, known here by their hash alone. */
  readonly secret: string;
  /** Sessions that had to end because the account had too many. */
  readonly ended: readonly string[];
};

/** Live sessions of one account; the oldest ends when another one begins. */
export const maxSessions = 50;
const maxUserAgent = 256;

/** A new session with a new id: whatever id the browser had before is not taken over. */
export function openSession(writer: Writer, draft: SessionDraft, times: SessionTimes, now: number): OpenedSession {
  const ended = makeRoom(writer, draft.accountId, now);
  const id = randomUUID();
  const secret = newSecret();
  const { accountId, isAdmin, amr, ip, userAgent } = draft;
  const expiresAt = now + (isAdmin ? Math.min(times.adminMaxMs, times.maxMs) : times.maxMs);
  writer.run(
    `INSERT INTO sessions (id, h_id, account_id, amr, auth_time, ip, user_agent, last_seen_at, idle_expires_at, expires_at, created_at)
     VALUES (@id, @hId, @accountId, @amr, @now, @ip, @userAgent, @now, @idle, @expiresAt, @now)`,
    {
      id,
      hId: hashSecret(secret),
      accountId,
      amr: JSON.stringify(amr),
      ip,
      userAgent: userAgent.slice(0, maxUserAgent),
      now,
      idle: now + times.idleMs,
      expiresAt,
    },
  );
  return { session: requireSession(writer, id, now), secret, ended };
}

/** The live session of a cookie's value; null for any that this server did not hand out, or that has ended. */
export function findSession(reader: Reader, secret: string, now: number): Session | null {
  const hId = hashOfSecret(secret);
  if (hId === null) return null;
  const row = reader.get<SessionRow>(`SELECT * FROM sessions WHERE h_id = @hId AND ${isLive}`, { hId, now });
  return row && toSession(row);
}

export function readSession(reader: Reader, id: string, now: number): Session | null {
  const row = reader.get<SessionRow>(`SELECT * FROM sessions WHERE id = @id AND ${isLive}`, { id, now });
  return row && toSession(row);
}

/** @throws not_found */
export function requireSession(reader: Reader, id: string, now: number): Session {
  const session = readSession(reader, id, now);
  if (session === null) throw identityErrors.error('not_found', 'there is no such session, or it has ended');
  return session;
}

/** Gives the browser another id for the same session: after a change of roles. The old id is unknown from now on. */
export function rotateSession(writer: Writer, id: string): string {
  const secret = newSecret();
  writer.run('UPDATE sessions SET h_id = ?, rotate = 0 WHERE id = ?', [hashSecret(secret), id]);
  return secret;
}

/** The person proved again who they are: a new time, what it was proved with, and a new id for the browser. @throws not_found */
export function stepUp(
  writer: Writer,
  id: string,
  amr: readonly Amr[],
  now: number,
): { session: Session; secret: string } {
  requireSession(writer, id, now);
  writer.run('UPDATE sessions SET auth_time = ?, amr = ? WHERE id = ?', [now, JSON.stringify(amr), id]);
  const secret = rotateSession(writer, id);
  return { session: requireSession(writer, id, now), secret };
}

/** After the roles of an account changed: other ids for its browsers, and for a new admin the shorter life of an admin's session. */
export function rolesChanged(writer: Writer, accountId: string, isAdmin: boolean, times: SessionTimes): void {
  writer.run('UPDATE sessions SET rotate = 1 WHERE account_id = ? AND ended_at IS NULL', [accountId]);
  if (!isAdmin) return;
  writer.run('UPDATE sessions SET expires_at = min(expires_at, created_at + ?) WHERE account_id = ?', [
    times.adminMaxMs,
    accountId,
  ]);
}

/** A validate, renew or page view at `seenAt`. Later ones that were noted already stay. */
export function touchSession(writer: Writer, id: string, times: SessionTimes, seenAt: number): void {
  writer.run(
    `UPDATE sessions SET last_seen_at = max(last_seen_at, @seenAt), idle_expires_at = max(idle_expires_at, @seenAt + @idle)
     WHERE id = @id AND ended_at IS NULL AND idle_expires_at > @seenAt`,
    { id, seenAt, idle: times.idleMs },
  );
}

export type SessionInfo = Session & {
  /** Services that were logged into by it, and that a live token of it is for. */
  readonly services: readonly string[];
};

/** Newest first; of one account, or for null of all. */
export function listSessions(
  reader: Reader,
  accountId: string | null,
  now: number,
  { limit, cursor }: PageRequest,
): Page<SessionInfo> {
  const rows = reader.all<SessionRow & { readonly services: string }>(
    `SELECT s.*, (SELECT json_group_array(DISTINCT aud.value) FROM tokens t, json_each(t.audience) aud
         WHERE t.session_id = s.id AND t.revoked_at IS NULL AND t.expires_at > @now) AS services
     FROM sessions s
     WHERE (@accountId IS NULL OR account_id = @accountId) AND ${isLive}
       AND (@cursor IS NULL OR printf('%015d %s', created_at, id) < @cursor)
     ORDER BY created_at DESC, id DESC LIMIT @limit`,
    { accountId, now, cursor, limit: limit + 1 },
  );
  const cursorOf = (row: SessionRow): string => `${String(row.created_at).padStart(15, '0')} ${row.id}`;
  return toPage(rows, limit, cursorOf, (row) => ({
    ...toSession(row),
    services: (JSON.parse(row.services) as string[]).toSorted(),
  }));
}

export function countSessions(reader: Reader, now: number): number {
  return reader.get<{ n: number }>(`SELECT count(*) AS n FROM sessions WHERE ${isLive}`, { now })?.n ?? 0;
}

function makeRoom(writer: Writer, accountId: string, now: number): readonly string[] {
  const live = writer.all<{ id: string }>(
    `SELECT id FROM sessions WHERE account_id = @accountId AND ${isLive} ORDER BY created_at DESC, id`,
    { accountId, now },
  );
  const tooMany = live.slice(maxSessions - 1).map(({ id }) => id);
  for (const id of tooMany) endSession(writer, id, 'too_many', now);
  return tooMany;
}
