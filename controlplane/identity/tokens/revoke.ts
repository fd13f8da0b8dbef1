import type { Writer } from '../../../mcdsl/database/index.ts';

export type RevokeReason = 'logout' | 'revoked' | 'code_replay' | 'key_revoked' | 'restored';

/**
 * Revokes a token with all that it was renewed from and to: who holds one of a line may hold the others. Returns how many were live;
 * 0 for a token that is not there.
 */
export function revokeToken(writer: Writer, tokenId: string, reason: RevokeReason, now: number): number {
  return writer.run(
    `UPDATE tokens SET revoked_at = ?, revoke_reason = ?
     WHERE revoked_at IS NULL AND chain_id = (SELECT chain_id FROM tokens WHERE id = ?)`,
    [now, reason, tokenId],
  ).changes;
}

/** Every token of an account, also those without a session. Sessions live on: see endEverythingOf. */
export function revokeTokensOf(writer: Writer, accountId: string, reason: RevokeReason, now: number): number {
  return revokeWhere(writer, 'account_id = ?', accountId, reason, now);
}

/** What a revoked key signed verifies no more; this says so in the rows too. */
export function revokeTokensOfKey(writer: Writer, kid: string, now: number): number {
  return revokeWhere(writer, 'kid = ?', kid, 'key_revoked', now);
}

/** Rows stay a week after their token ended, for the list and the audit. Returns how many were removed. */
export function pruneTokens(writer: Writer, now: number, atOnce = 500): number {
  return writer.run(
    'DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE expires_at < ? ORDER BY expires_at LIMIT ?)',
    [now - keptMs, atOnce],
  ).changes;
}

const keptMs = 7 * 86_400_000;

function revokeWhere(writer: Writer, where: string, value: string, reason: RevokeReason, now: number): number {
  return writer.run(`UPDATE tokens SET revoked_at = ?, revoke_reason = ? WHERE revoked_at IS NULL AND ${where}`, [
    now,
    reason,
    value,
  ]).changes;
}
