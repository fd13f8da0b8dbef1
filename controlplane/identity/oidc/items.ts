import { createHash } from 'node:crypto';

import type { Reader, Writer } from '../../../mcdsl/database/index.ts';
import { identityErrors } from '../errors.ts';

/** Rows of oidc_items: ids are hashed, since most of them are what a client or browser holds. */
export type ItemRow = {
  readonly h_id: Uint8Array;
  readonly s_payload: Uint8Array;
  readonly account_id: string | null;
  readonly session_id: string | null;
  readonly consumed_at: number | null;
};

export type ItemOwner = { readonly accountId: string | null; readonly sessionId: string | null };

/** Logins under way; one more is refused with `busy`. */
export const maxInteractions = 10_000;

export const hashOf = (id: string): Buffer => createHash('sha256').update(id).digest();

const live = 'SELECT h_id, s_payload, account_id, session_id, consumed_at FROM oidc_items WHERE';

export function findItem(reader: Reader, model: string, id: string, now: number): ItemRow | null {
  return reader.get<ItemRow>(`${live} model = ? AND h_id = ? AND expires_at > ?`, [model, hashOf(id), now]);
}

export function findItemBy(
  reader: Reader,
  column: 'h_uid' | 'h_user_code',
  model: string,
  value: string,
  now: number,
): ItemRow | null {
  return reader.get<ItemRow>(`${live} model = ? AND ${column} = ? AND expires_at > ?`, [model, hashOf(value), now]);
}

/** Of the grant that something belongs to: with its session, all of it ends. */
export function ownerOfGrant(reader: Reader, grantId: string): ItemOwner | null {
  const row = reader.get<{ account_id: string | null; session_id: string | null }>(
    "SELECT account_id, session_id FROM oidc_items WHERE model = 'Grant' AND h_id = ?",
    [hashOf(grantId)],
  );
  return row && { accountId: row.account_id, sessionId: row.session_id };
}

/** Whether the session that something would hang on still lives: what comes after its end must not outlive it. */
export function isSessionLive(reader: Reader, id: string, now: number): boolean {
  const sql = 'SELECT 1 FROM sessions WHERE id = ? AND ended_at IS NULL AND idle_expires_at > ? AND expires_at > ?';
  return reader.get(sql, [id, now, now]) !== null;
}

/** @throws busy */
export function refuseTooManyInteractions(writer: Writer, now: number): void {
  const count = (): number =>
    writer.get<{ n: number }>("SELECT count(*) AS n FROM oidc_items WHERE model = 'Interaction'")?.n ?? 0;
  if (count() < maxInteractions) return;
  if (pruneOidcItems(writer, now) > 0 && count() < maxInteractions) return;
  const message = 'too many logins are under way; try again in a minute';
  throw identityErrors.error('busy', message, {}, { retryAfterSeconds: 60 });
}

/** Removes what has expired, `atOnce` at most; returns how many. */
export function pruneOidcItems(writer: Writer, now: number, atOnce = 500): number {
  return writer.run(
    `DELETE FROM oidc_items WHERE (model, h_id) IN
       (SELECT model, h_id FROM oidc_items WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
    [now, atOnce],
  ).changes;
}
