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

/** A token's row with those of its account and session, as they were when they were read. */
export type TokenRow = {
  readonly state: TokenState;
  readonly revokedAt: number | null;
  readonly retireAt: number | null;
  readonly tokensNotBefore: number;
  readonly session: { readonly endedAt: number | null; readonly endsAt: number } | null;
};

/** One query, by the hash of jti. Roles and status are those of now. */
export function readTokenRow(reader: Reader, jti: string): TokenRow | null {
  const row = reader.get<LookupRow>(lookup, [hashSecret(jti)]);
  return row && toTokenRow(row);
}

/** What a row that is of this moment says about the token. */
export function judgeTokenRow(row: TokenRow | null, now: number): TokenLookup {
  if (row === null) return { ok: false, reason: 'unknown_token' };
  const { state, revokedAt, retireAt, tokensNotBefore, session } = row;
  const isRetired = retireAt !== null && retireAt <= now;
  if (revokedAt !== null || isRetired || state.issuedAt < tokensNotBefore) return { ok: false, reason: 'revoked' };
  if (state.sessionId !== null && (session === null || session.endedAt !== null || session.endsAt <= now)) {
    return { ok: false, reason: 'session_ended' };
  }
  if (state.account.status !== 'enabled') return { ok: false, reason: 'account_disabled' };
  return { ok: true, state };
}

const lookup = `SELECT t.id, t.kind, t.label, t.session_id, t.issued_at, t.expires_at, t.chain_id, t.ttl_ms, t.last_used_at,
    t.revoked_at, t.retire_at, a.id AS account_id, a.name, a.type, a.status, a.tokens_not_before,
    (SELECT json_group_array(role) FROM account_roles r WHERE r.account_id = a.id) AS roles,
    s.ended_at AS session_ended_at, min(s.idle_expires_at, s.expires_at) AS session_ends_at
  FROM tokens t JOIN accounts a ON a.id = t.account_id LEFT JOIN sessions s ON s.id = t.session_id WHERE t.h_jti = ?`;

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
  readonly session_ended_at: number | null;
  /** null without a session */
  readonly session_ends_at: number | null;
};

function toTokenRow(row: LookupRow): TokenRow {
  const { session_ends_at: endsAt, session_ended_at: endedAt } = row;
  return {
    state: toState(row),
    revokedAt: row.revoked_at,
    retireAt: row.retire_at,
    tokensNotBefore: row.tokens_not_before,
    session: endsAt === null ? null : { endedAt, endsAt },
  };
}

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
