import type { Reader } from '../../../mcdsl/database/index.ts';
import { toPage, type Page, type PageRequest } from '../store/index.ts';
import type { TokenKind } from './row.ts';

export type TokenInfo = {
  readonly tokenId: string;
  /** The account's name. */
  readonly account: string;
  readonly kind: TokenKind;
  readonly label: string;
  readonly audience: readonly string[];
  readonly sessionId: string | null;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly lastUsedAt: number | null;
};

/** Null where everything is wanted. */
export type TokenFilter = {
  readonly accountId: string | null;
  /** Only those that end before. */
  readonly expiringBefore: number | null;
  readonly kind: TokenKind | null;
};

/** Live tokens by the time they end, the first to end first. */
export function listTokens(
  reader: Reader,
  filter: TokenFilter,
  now: number,
  { limit, cursor }: PageRequest,
): Page<TokenInfo> {
  const rows = reader.all<InfoRow>(
    `SELECT t.id, a.name, t.kind, t.label, t.audience, t.session_id, t.issued_at, t.expires_at, t.last_used_at
     FROM tokens t JOIN accounts a ON a.id = t.account_id
     WHERE t.revoked_at IS NULL AND t.expires_at > @now AND (t.retire_at IS NULL OR t.retire_at > @now)
       AND (@accountId IS NULL OR t.account_id = @accountId) AND (@kind IS NULL OR t.kind = @kind)
       AND (@expiringBefore IS NULL OR t.expires_at < @expiringBefore)
       AND (@cursor IS NULL OR printf('%015d %s', t.expires_at, t.id) > @cursor)
     ORDER BY t.expires_at, t.id LIMIT @limit`,
    { ...filter, now, cursor, limit: limit + 1 },
  );
  return toPage(rows, limit, ({ expires_at, id }) => `${String(expires_at).padStart(15, '0')} ${id}`, toInfo);
}

export type SystemExpiry = { readonly account: string; readonly expiresAt: number };

/** For each enabled system account that has a live token, when the last of them ends: who forgot to renew loses access then. */
export function systemTokenExpiry(reader: Reader, now: number): readonly SystemExpiry[] {
  return reader.all<SystemExpiry>(
    `SELECT a.name AS account, max(t.expires_at) AS expiresAt
     FROM tokens t JOIN accounts a ON a.id = t.account_id
     WHERE t.kind = 'system' AND a.status = 'enabled' AND t.revoked_at IS NULL AND t.expires_at > @now
       AND (t.retire_at IS NULL OR t.retire_at > @now)
     GROUP BY a.id ORDER BY a.name`,
    { now },
  );
}

/** How many are good now, as far as their rows say; those of sessions that went idle are still counted. */
export function countTokens(reader: Reader, now: number): readonly { readonly kind: TokenKind; readonly n: number }[] {
  return reader.all(
    `SELECT kind, count(*) AS n FROM tokens
     WHERE revoked_at IS NULL AND expires_at > @now AND (retire_at IS NULL OR retire_at > @now) GROUP BY kind`,
    { now },
  );
}

/** Under so long before the end of the last token of a system account, a warning a day. */
export const warnBeforeMs = 30 * 86_400_000;

type InfoRow = {
  readonly id: string;
  readonly name: string;
  readonly kind: TokenKind;
  readonly label: string;
  readonly audience: string;
  readonly session_id: string | null;
  readonly issued_at: number;
  readonly expires_at: number;
  readonly last_used_at: number | null;
};

function toInfo(row: InfoRow): TokenInfo {
  return {
    tokenId: row.id,
    account: row.name,
    kind: row.kind,
    label: row.label,
    audience: JSON.parse(row.audience) as string[],
    sessionId: row.session_id,
    issuedAt: row.issued_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
  };
}
