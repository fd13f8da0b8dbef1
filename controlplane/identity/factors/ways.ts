import type { Reader } from '../../../mcdsl/database/index.ts';
import { refusal } from '../errors.ts';

/** What an account can log in with, for its owner's page and for the rules below. */
export interface Ways {
  readonly hasPassword: boolean;
  readonly hasTotp: boolean;
  /** Suspended ones are not counted: they open nothing. */
  readonly passkeys: number;
  readonly recoveryCodesLeft: number;
}

export function readWays(reader: Reader, accountId: string): Ways {
  const count = (sql: string): number => reader.get<{ n: number }>(sql, [accountId])?.n ?? 0;
  return {
    hasPassword: count('SELECT count(*) AS n FROM passwords WHERE account_id = ?') > 0,
    hasTotp: count('SELECT count(*) AS n FROM totp WHERE account_id = ? AND confirmed_at IS NOT NULL') > 0,
    passkeys: count('SELECT count(*) AS n FROM passkeys WHERE account_id = ? AND suspended_at IS NULL'),
    recoveryCodesLeft: count('SELECT count(*) AS n FROM recovery_codes WHERE account_id = ? AND used_at IS NULL'),
  };
}

/** A second factor that can be asked for again and again. Recovery codes stand in for one; they are none. */
export function hasSecondFactor({ hasTotp, passkeys }: Ways): boolean {
  return hasTotp || passkeys > 0;
}

/** Which proofs complete a login after its password, as `mfa_required` lists them; empty when the password is enough. */
export function secondFactorMethods(ways: Ways): readonly ('totp' | 'passkey' | 'recovery_code')[] {
  if (!hasSecondFactor(ways)) return [];
  return [
    ...(ways.hasTotp ? (['totp'] as const) : []),
    ...(ways.passkeys > 0 ? (['passkey'] as const) : []),
    ...(ways.recoveryCodesLeft > 0 ? (['recovery_code'] as const) : []),
  ];
}

/**
 * Called in the transaction that removes a factor, after the removal: a password or a passkey must be left.
 * @throws last_factor, which undoes it
 */
export function requireWayIn(reader: Reader, accountId: string): void {
  const { hasPassword, passkeys } = readWays(reader, accountId);
  if (!hasPassword && passkeys === 0) throw refusal('last_factor', 'last_factor');
}

/**
 * An admin without a second factor may only enrol one, while `admin_requires_mfa` is true. Called everywhere but on the
 * enrolment itself.
 * @throws mfa_enrollment_required
 */
export function requireEnrolled(ways: Ways, isAdmin: boolean, adminRequiresMfa: boolean): void {
  if (!isAdmin || !adminRequiresMfa || hasSecondFactor(ways)) return;
  throw refusal('mfa_enrollment_required', 'mfa_enrollment');
}
