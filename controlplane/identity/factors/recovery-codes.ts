import { randomBytes } from 'node:crypto';
import type { Reader, Writer } from '../../../mcdsl/database/index.ts';
import { secretsEqual } from '../../../mcdsl/secrets/index.ts';
import type { Sealer } from '../keys/index.ts';
import { base32 } from './base32.ts';

export const recoveryCodeCount = 10;
const codeBytes = 10;

export type RecoveryAnswer =
  | { readonly kind: 'accepted'; readonly left: number }
  | { readonly kind: 'refused'; readonly reason: 'recovery_wrong' | 'recovery_used' };

/** Ten codes of 80 bits that stand in for the second factor, once each. Stored as HMACs: without the master key they are nothing. */
export interface RecoveryCodes {
  /** New ones, to be shown this once; the old ones are void. Written as four groups of four. */
  create(writer: Writer, accountId: string, now: number): readonly string[];
  /** A try, in the caller's transaction. Spaces, hyphens and case don't matter. */
  use(writer: Writer, accountId: string, text: string, now: number): RecoveryAnswer;
  left(reader: Reader, accountId: string): number;
  remove(writer: Writer, accountId: string): void;
}

interface Row {
  readonly mac: Uint8Array;
  readonly used_at: number | null;
}

export function createRecoveryCodes(sealer: Sealer): RecoveryCodes {
  const macOf = (accountId: string, code: string): Buffer => sealer.mac('recovery code', `${accountId} ${code}`);

  return {
    create(writer, accountId, now) {
      remove(writer, accountId);
      return Array.from({ length: recoveryCodeCount }, () => {
        const code = base32(randomBytes(codeBytes));
        writer.run('INSERT INTO recovery_codes (mac, account_id, created_at) VALUES (?, ?, ?)', [
          macOf(accountId, code),
          accountId,
          now,
        ]);
        return code.replace(/(?<=.)(?=(?:.{4})+$)/g, '-');
      });
    },

    use(writer, accountId, text, now) {
      const code = canonicalCode(text);
      if (code === null) return { kind: 'refused', reason: 'recovery_wrong' };
      const mac = macOf(accountId, code);
      const rows = writer.all<Row>('SELECT mac, used_at FROM recovery_codes WHERE account_id = ?', [accountId]);
      const row = rows.filter((candidate) => secretsEqual(candidate.mac, mac))[0];
      if (row === undefined) return { kind: 'refused', reason: 'recovery_wrong' };
      if (row.used_at !== null) return { kind: 'refused', reason: 'recovery_used' };
      writer.run('UPDATE recovery_codes SET used_at = ? WHERE mac = ?', [now, mac]);
      return { kind: 'accepted', left: left(writer, accountId) };
    },

    left,
    remove,
  };
}

function left(reader: Reader, accountId: string): number {
  const sql = 'SELECT count(*) AS n FROM recovery_codes WHERE account_id = ? AND used_at IS NULL';
  return reader.get<{ n: number }>(sql, [accountId])?.n ?? 0;
}

function remove(writer: Writer, accountId: string): void {
  writer.run('DELETE FROM recovery_codes WHERE account_id = ?', [accountId]);
}

/** The code as it was made, or null when it cannot be one. */
function canonicalCode(text: string): string | null {
  if (text.length > 64) return null;
  const code = text.replace(/[ -]/g, '').toUpperCase();
  return /^[A-Z2-7]{16}$/.test(code) ? code : null;
}
