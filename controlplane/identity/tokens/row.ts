import type { Reader } from '../../../mcdsl/database/index.ts';
import { hashSecret } from '../../../mcdsl/secrets/index.ts';
import type { AccountStatus, AccountType, Role } from '../policy/index.ts';

export type TokenKind = 'human' | 'system' | 'pat';

/** What the database says about a token at this moment: its row, its session, its account. */
export type TokenState = {
  readonly tokenId: string;
  readonly kind: TokenKind;
  readonly label: string;
  readonly sessionId: string | null;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly chainId: string;
  readonly ttlMs: number;
  readonly lastUsedAt: number | null;
  readonly account: {
    readonly id: string;
    readonly name: string;
    readonly type: AccountType;
    readonly status: AccountStatus;
    readonly roles: readonly Role[];
  };
};

export type TokenFault = 'unknown_token' | 'revoked' | 'session_ended' | 'account_disabled';

export type TokenLookup =
  { readonly ok: true; readonly state: TokenState } | { readonly ok: false; readonly reason: TokenFault };

/** One query, by the hash of jti. Roles and status are those of now. */
export function lookUpToken(reader: Reader, jti: string, now: number): TokenLookup {
  const row = reader.get<LookupRow>(lookup, { hJti: hashSecret(jti), now });
  if (row === null) return { ok: false, reason: 'unknown_token' };
  const isRetired = row.retire_at !== null && row.retire_at <= now;
  if (row.revoked_at !== null || isRetired || row.issued_at < row.tokens_not_before)
    return { ok: false, reason: 'revoked' };
  if (row.session_id !== null && row.session_live !== 1) return { ok: false, reason: 'session_ended' };
  if (row.status !== 'enabled') return { ok: false, reason: 'account_disabled' };
  return { ok: true, state: toState(row) };
}

const lookup = `SELECT t.id, t.kind, t.label, t.session_id, t.issued_at, t.expires_at, t.chain_id, t.ttl_ms, t.last_used_at,
    t.revoked_at, t.retire_at, a.id AS account_id, a.name, a.type, a.status, a.tokens_not_before,
    (SELECT json_group_array(role) FROM account_roles r WHERE r.account_id = a.id) AS roles,
    (SELECT s.ended_at IS NULL AND s.idle_expires_at > @now AND s.expires_at > @now
       FROM sessions s WHERE s.id = t.session_id) AS session_live
  FROM tokens t JOIN accounts a ON a.id = t.account_id WHERE t.h_jti = @hJti`;

type LookupRow = {
  readonly id: string;
  readonly kind: TokenKind;
  readonly label: string;
  readonly session_id: string | null;
  readonly issued_at: number;
  readonly expires_at: number;
  readonly chain_id: string;
  readonly ttl_ms: number;
  readonly last_used_at: number | null;
  readonly revoked_at: number | null;
  readonly retire_at: number | null;
  readonly account_id: string;
  readonly name: string;
  readonly type: AccountType;
  readonly status: AccountStatus;
  readonly tokens_not_before: number;
  readonly roles: string;
  readonly session_live: number | null;
};

function toState(row: LookupRow): TokenState {
  return {
    tokenId: row.id,
    kind: row.kind,
    label: row.label,
    sessionId: row.session_id,
    issuedAt: row.issued_at,
    expiresAt: row.expires_at,
    chainId: row.chain_id,
    ttlMs: row.ttl_ms,
    lastUsedAt: row.last_used_at,
    account: {
      id: row.account_id,
      name: row.name,
      type: row.type,
      status: row.status,
      roles: JSON.parse(row.roles) as Role[],
    },
  };
}
