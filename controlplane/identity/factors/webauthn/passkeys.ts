import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { databaseErrors, type Reader, type Writer } from '../../../../mcdsl/database/index.ts';
import { identityErrors, refusal } from '../../errors.ts';
import { places, type Sealer } from '../../keys/index.ts';
import { hashOfCredentialId } from './response.ts';

export const maxPasskeys = 20;
const maxNameLength = 64;

/** A passkey as its owner sees it. Times are milliseconds since the epoch. */
export interface Passkey {
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  readonly backedUp: boolean;
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
  /** Its signature counter went backwards: it may have been copied, and is not accepted any more. */
  readonly suspendedAt: number | null;
}

/** What an authenticator made: ids and keys in base64url. */
export interface Credential {
  readonly id: string;
  readonly publicKey: string;
  /** COSE algorithm. */
  readonly alg: number;
  readonly transports: readonly string[];
}

export interface StoredPasskey extends Passkey {
  readonly credential: Credential;
  readonly counter: number;
}

const credentialShape = z.object({
  id: z.string(),
  publicKey: z.string(),
  alg: z.number(),
  transports: z.array(z.string()),
});

interface Row {
  readonly id: string;
  readonly account_id: string;
  readonly s_credential: Uint8Array;
  readonly counter: number;
  readonly backed_up: number;
  readonly name: string;
  readonly last_used_at: number | null;
  readonly suspended_at: number | null;
  readonly created_at: number;
}

const columns = 'id, account_id, s_credential, counter, backed_up, name, last_used_at, suspended_at, created_at';

/** The oldest first. */
export function listPasskeys(reader: Reader, accountId: string): readonly Passkey[] {
  const sql = `SELECT ${columns} FROM passkeys WHERE account_id = ? ORDER BY created_at, id`;
  return reader.all<Row>(sql, [accountId]).map(toPasskey);
}

/** Those that can be used, with what an authenticator is asked for. */
export function usablePasskeys(reader: Reader, sealer: Sealer, accountId: string): readonly StoredPasskey[] {
  const sql = `SELECT ${columns} FROM passkeys WHERE account_id = ? AND suspended_at IS NULL ORDER BY created_at, id`;
  return reader.all<Row>(sql, [accountId]).map((row) => toStored(row, sealer));
}

export function findPasskey(reader: Reader, sealer: Sealer, credentialId: string): StoredPasskey | null {
  const sql = `SELECT ${columns} FROM passkeys WHERE h_credential = ?`;
  const row = reader.get<Row>(sql, [hashOfCredentialId(credentialId)]);
  return row === null ? null : toStored(row, sealer);
}

/** @throws table_full at 20; already_exists when the authenticator is registered already */
export function insertPasskey(
  writer: Writer,
  sealer: Sealer,
  passkey: Pick<StoredPasskey, 'accountId' | 'credential' | 'counter' | 'backedUp' | 'name'>,
  now: number,
): Passkey {
  refuseFull(writer, passkey.accountId);
  const id = randomUUID();
  const { accountId, credential, counter, backedUp } = passkey;
  const name = checkName(passkey.name);
  try {
    writer.run(
      `INSERT INTO passkeys (id, account_id, h_credential, s_credential, counter, backed_up, name, created_at)
       VALUES (@id, @accountId, @hash, @sealed, @counter, @backedUp, @name, @now)`,
      {
        id,
        accountId,
        hash: hashOfCredentialId(credential.id),
        sealed: sealer.seal(writer, places.passkey(id), Buffer.from(JSON.stringify(credential), 'utf8')),
        counter,
        backedUp: backedUp ? 1 : 0,
        name,
        now,
      },
    );
  } catch (error) {
    if (!databaseErrors.is(error, 'database_constraint')) throw error;
    throw identityErrors.error('already_exists', 'this passkey is registered already', {}, { cause: error });
  }
  return { id, accountId, name, backedUp, createdAt: now, lastUsedAt: null, suspendedAt: null };
}

export function refuseFull(reader: Reader, accountId: string): void {
  const sql = 'SELECT count(*) AS n FROM passkeys WHERE account_id = ?';
  if ((reader.get<{ n: number }>(sql, [accountId])?.n ?? 0) < maxPasskeys) return;
  const message = `an account has at most ${maxPasskeys} passkeys; remove one first`;
  throw refusal('table_full', 'table_full', { message, details: { max: maxPasskeys } });
}

/** @throws not_found; invalid_argument */
export function renamePasskey(writer: Writer, accountId: string, id: string, name: string): void {
  const sql = 'UPDATE passkeys SET name = ? WHERE id = ? AND account_id = ?';
  if (writer.run(sql, [checkName(name), id, accountId]).changes === 0) throw notFound();
}

/** @throws not_found */
export function removePasskey(writer: Writer, accountId: string, id: string): void {
  const { changes } = writer.run('DELETE FROM passkeys WHERE id = ? AND account_id = ?', [id, accountId]);
  if (changes === 0) throw notFound();
}

function checkName(name: string): string {
  if (name.isWellFormed() && name.length > 0 && name.length <= maxNameLength && !/\p{Cc}/u.test(name)) return name;
  throw identityErrors.error('invalid_argument', `the name of a passkey has 1 to ${maxNameLength} characters`, {
    field: 'name',
  });
}

function notFound(): Error {
  return identityErrors.error('not_found', 'there is no such passkey');
}

function toStored(row: Row, sealer: Sealer): StoredPasskey {
  const opened = sealer.open(places.passkey(row.id), row.s_credential).toString('utf8');
  return { ...toPasskey(row), credential: credentialShape.parse(JSON.parse(opened)), counter: row.counter };
}

function toPasskey(row: Row): Passkey {
  return {
    id: row.id,
    accountId: row.account_id,
    name: row.name,
    backedUp: row.backed_up === 1,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    suspendedAt: row.suspended_at,
  };
}
