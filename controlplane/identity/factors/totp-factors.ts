import { randomBytes } from 'node:crypto';
import type { Reader, Writer } from '../../../mcdsl/database/index.ts';
import { identityErrors } from '../errors.ts';
import { places, type Sealer } from '../keys/index.ts';
import { base32 } from './base32.ts';
import { checkTotp, totpSecretBytes, type TotpAnswer, type TotpState } from './totp.ts';

/** Shown once, at enrolment. */
export interface TotpEnrollment {
  /** Base32, for typing. */
  readonly secret: string;
  /** The same for scanning: otpauth:// as authenticator apps read it. */
  readonly otpauthUrl: string;
}

/**
 * TOTP of accounts, sealed, in the table totp. A try reads, decides and writes inside the caller's transaction, so of two equal
 * codes at once one is accepted, and a restart forgets nothing.
 */
export interface TotpFactors {
  /** @throws already_exists when one is enrolled: it is removed first */
  begin(writer: Writer, account: { readonly id: string; readonly name: string }, now: number): TotpEnrollment;
  /** Enrols it with its first code, which is then used up. @throws not_found when none waits for confirmation */
  confirm(writer: Writer, accountId: string, code: string, now: number): TotpAnswer;
  /** A try at login or step-up. The answer is written; throw, where it refuses, after the transaction. */
  verify(writer: Writer, accountId: string, code: string, now: number): TotpAnswer;
  isEnrolled(reader: Reader, accountId: string): boolean;
  /** True when there was one, enrolled or waiting. */
  remove(writer: Writer, accountId: string): boolean;
}

export interface TotpOptions {
  readonly sealer: Sealer;
  /** The name that apps show beside the account's. */
  readonly issuer: string;
  readonly skew: () => number;
}

interface Row {
  readonly s_secret: Uint8Array;
  readonly confirmed_at: number | null;
  readonly last_step: number;
  readonly fail_step: number;
  readonly fail_count: number;
}

export function createTotpFactors({ sealer, issuer, skew }: TotpOptions): TotpFactors {
  function attempt(writer: Writer, accountId: string, row: Row, code: string, now: number): TotpAnswer {
    const before: TotpState = { lastStep: row.last_step, failStep: row.fail_step, failCount: row.fail_count };
    const secret = sealer.open(places.totp(accountId), row.s_secret);
    const { state, answer } = checkTotp(before, { code, secret, now, skew: skew() });
    writer.run(
      'UPDATE totp SET last_step = @lastStep, fail_step = @failStep, fail_count = @failCount WHERE account_id = @accountId',
      { lastStep: state.lastStep, failStep: state.failStep, failCount: state.failCount, accountId },
    );
    return answer;
  }

  return {
    begin(writer, { id, name }, now) {
      if (isEnrolled(writer, id)) {
        throw identityErrors.error('already_exists', 'TOTP is enrolled already; remove it first');
      }
      const secret = randomBytes(totpSecretBytes);
      writer.run(
        `INSERT INTO totp (account_id, s_secret, created_at) VALUES (@id, @sealed, @now)
         ON CONFLICT (account_id) DO UPDATE SET s_secret = excluded.s_secret, created_at = excluded.created_at`,
        { id, sealed: sealer.seal(writer, places.totp(id), secret), now },
      );
      const text = base32(secret);
      return { secret: text, otpauthUrl: otpauthUrl(issuer, name, text) };
    },

    confirm(writer, accountId, code, now) {
      const row = find(writer, accountId);
      if (row === null || row.confirmed_at !== null) {
        throw identityErrors.error('not_found', 'no TOTP waits for its first code; begin the enrolment');
      }
      const answer = attempt(writer, accountId, row, code, now);
      if (answer.kind === 'accepted') {
        writer.run('UPDATE totp SET confirmed_at = ? WHERE account_id = ?', [now, accountId]);
      }
      return answer;
    },

    verify(writer, accountId, code, now) {
      const row = find(writer, accountId);
      if (row === null || row.confirmed_at === null) return { kind: 'refused', reason: 'totp_wrong' };
      return attempt(writer, accountId, row, code, now);
    },

    isEnrolled,
    remove: (writer, accountId) => writer.run('DELETE FROM totp WHERE account_id = ?', [accountId]).changes > 0,
  };
}

function isEnrolled(reader: Reader, accountId: string): boolean {
  return (find(reader, accountId)?.confirmed_at ?? null) !== null;
}

function find(reader: Reader, accountId: string): Row | null {
  return reader.get<Row>(
    'SELECT s_secret, confirmed_at, last_step, fail_step, fail_count FROM totp WHERE account_id = ?',
    [accountId],
  );
}

/** The "key URI format" that authenticator apps agreed on. */
function otpauthUrl(issuer: string, name: string, secret: string): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(name)}`;
  const query = `secret=${secret}&issuer=${encodeURIComponent(issuer)}&algorithm=SHA1&digits=6&period=30`;
  return `otpauth://totp/${label}?${query}`;
}
