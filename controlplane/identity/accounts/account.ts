import type { AccountStatus, AccountType, Role } from '../policy/index.ts';

export type Account = {
  readonly id: string;
  readonly name: string;
  readonly type: AccountType;
  readonly status: AccountStatus;
  readonly roles: readonly Role[];
  readonly displayName: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly groups: readonly string[];
  /** The password must be changed at the next login. */
  readonly mustChange: boolean;
  /** Tokens issued before are void. */
  readonly tokensNotBefore: number;
  readonly createdAt: number;
  readonly lastLoginAt: number | null;
  /** A change names the one that it was made from; a stale one is refused. */
  readonly revision: number;
};

export type AccountRow = {
  readonly id: string;
  readonly name: string;
  readonly type: AccountType;
  readonly status: AccountStatus;
  readonly display_name: string;
  readonly email: string;
  readonly email_verified: number;
  readonly groups: string;
  readonly must_change: number;
  readonly tokens_not_before: number;
  readonly last_login_at: number | null;
  readonly revision: number;
  readonly created_at: number;
  readonly roles: string;
};

/** Every column of an account and its roles, to be followed by WHERE. */
export const selectAccount = `SELECT a.*, (SELECT json_group_array(role) FROM account_roles r WHERE r.account_id = a.id) AS roles
  FROM accounts a`;

export function toAccount(row: AccountRow): Account {
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    status: row.status,
    roles: JSON.parse(row.roles) as Role[],
    displayName: row.display_name,
    email: row.email,
    emailVerified: row.email_verified === 1,
    groups: JSON.parse(row.groups) as string[],
    mustChange: row.must_change === 1,
    tokensNotBefore: row.tokens_not_before,
    createdAt: row.created_at,
    lastLoginAt: row.last_login_at,
    revision: row.revision,
  };
}
