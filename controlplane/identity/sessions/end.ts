import type { Writer } from '../../../mcdsl/database/index.ts';
import type { EndReason } from './session.ts';

/** How many of each ended. */
export type Ended = { readonly sessions: number; readonly tokens: number };

/**
 * Ends a session and everything that hangs on it: tokens, codes that were not exchanged yet, grants of other applications, tickets.
 * One transaction, so no service finds a part of it alive. Ending it again changes nothing.
 */
export function endSession(writer: Writer, id: string, reason: EndReason, now: number): Ended {
  const { changes: sessions } = writer.run(
    'UPDATE sessions SET ended_at = ?, end_reason = ? WHERE id = ? AND ended_at IS NULL',
    [now, reason, id],
  );
  const { changes: tokens } = writer.run(
    'UPDATE tokens SET revoked_at = ?, revoke_reason = ? WHERE session_id = ? AND revoked_at IS NULL',
    [now, reason, id],
  );
  for (const table of ['sso_codes', 'oidc_items', 'tickets']) {
    writer.run(`DELETE FROM ${table} WHERE session_id = ?`, [id]);
  }
  return { sessions, tokens };
}

/** Ends every session of an account but one: after a change of credentials, the one that made it goes on. */
export function endSessionsOf(
  writer: Writer,
  accountId: string,
  reason: EndReason,
  now: number,
  exceptId: string | null = null,
): Ended {
  const live = writer.all<{ id: string }>(
    'SELECT id FROM sessions WHERE account_id = ? AND ended_at IS NULL AND id IS NOT ?',
    [accountId, exceptId],
  );
  return live
    .map(({ id }) => endSession(writer, id, reason, now))
    .reduce((sum, ended) => ({ sessions: sum.sessions + ended.sessions, tokens: sum.tokens + ended.tokens }), none);
}

/** Everything that speaks for an account: its sessions, its tokens without one, its grants. For disable, delete and recover. */
export function endEverythingOf(writer: Writer, accountId: string, reason: EndReason, now: number): Ended {
  const { sessions, tokens } = endSessionsOf(writer, accountId, reason, now);
  const { changes } = writer.run(
    'UPDATE tokens SET revoked_at = ?, revoke_reason = ? WHERE account_id = ? AND revoked_at IS NULL',
    [now, reason, accountId],
  );
  for (const table of ['sso_codes', 'oidc_items', 'tickets']) {
    writer.run(`DELETE FROM ${table} WHERE account_id = ?`, [accountId]);
  }
  return { sessions, tokens: tokens + changes };
}

/** Sessions of people from before a snapshot was put in place: what ended after it was taken is not known any more. */
export function endHumanSessions(writer: Writer, reason: EndReason, now: number): Ended {
  const accounts = writer.all<{ account_id: string }>(
    'SELECT DISTINCT account_id FROM sessions WHERE ended_at IS NULL',
  );
  return accounts
    .map(({ account_id }) => endSessionsOf(writer, account_id, reason, now))
    .reduce((sum, ended) => ({ sessions: sum.sessions + ended.sessions, tokens: sum.tokens + ended.tokens }), none);
}

/** Rows of sessions stay as long as those of their tokens, `keptMs` after their end. Returns how many were removed. */
export function pruneSessions(writer: Writer, now: number, atOnce = 500): number {
  return writer.run(
    `DELETE FROM sessions WHERE id IN (
       SELECT id FROM sessions s
       WHERE (ended_at < @before OR min(idle_expires_at, expires_at) < @before)
         AND NOT EXISTS (SELECT 1 FROM tokens t WHERE t.session_id = s.id)
       LIMIT @atOnce)`,
    { before: now - keptMs, atOnce },
  ).changes;
}

const keptMs = 7 * 86_400_000;
const none: Ended = { sessions: 0, tokens: 0 };
