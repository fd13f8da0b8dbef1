import type { Writer } from '../../../mcdsl/database/index.ts';
import { identityErrors } from '../errors.ts';
import { readMeta, writeMeta, type Store } from '../store/index.ts';
import {
  createMasterKey,
  masterKeyExists,
  readMasterKeys,
  writeMasterKeys,
  type MasterKey,
  type MasterKeyFile,
  type MasterKeySource,
} from './master-key.ts';
import { sealedColumns, type Place } from './places.ts';
import { createSealer, wrongMasterKey, type Sealer } from './seal.ts';

/** What a change of the master key is doing, in order; each is on the disk before the next begins. */
export type RotationStep = 'file_has_both' | 'rows_resealed' | 'file_has_new';

export type MasterKeyChange = {
  readonly from: string | null;
  readonly to: string;
  /** True when an earlier run was interrupted and this one finished it. */
  readonly resumed: boolean;
};

export type RotationOptions = {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Told after each step. */
  readonly onStep?: (step: RotationStep) => void;
  /** Runs in the transaction that changes the rows, for the audit entry. */
  readonly inTransaction?: (writer: Writer, change: MasterKeyChange) => void;
};

/**
 * Gives a new database its first master key, or takes the one that is in the file.
 * @throws failed_precondition when the file is damaged, or has another key than the database
 */
export function initMasterKey(store: Store, source: MasterKeySource, now: number): MasterKeyFile {
  if (!masterKeyExists(source)) {
    const needed = readMeta(store.reader, 'master_key_id');
    if (needed !== null) throw wrongMasterKey(needed, []);
    writeMasterKeys(source.file, [createMasterKey()]);
  }
  const file = readMasterKeys(source);
  const [first] = file.keys;
  store.change((writer) => {
    if (readMeta(writer, 'master_key_id') === null && first) writeMeta(writer, 'master_key_id', first.id, now);
    createSealer(writer, () => file.keys).prepare(writer, now);
  });
  return file;
}

/**
 * Seals every row under a new key. Crash-safe: the file holds both keys until the rows are under the new one, and another run
 * finishes what was interrupted. A running server follows by itself.
 * @throws failed_precondition when the key comes from a credential, or none of the file's keys is the database's
 */
export function rotateMaster(store: Store, source: MasterKeySource, options: RotationOptions): MasterKeyChange {
  const file = readMasterKeys(source);
  refuseCredential(file);
  const { now, onStep } = options;
  const from = keyInForce(store, file);
  const other = file.keys.find(({ id }) => id !== from.id);
  const isDone = other !== undefined && file.keys[1]?.id === from.id;
  if (isDone) {
    // The rows were already sealed anew: only the old line is left over.
    writeMasterKeys(source.file, [from]);
    onStep?.('file_has_new');
    return { from: other.id, to: from.id, resumed: true };
  }
  const to = other ?? createMasterKey();
  writeMasterKeys(source.file, [from, to]);
  onStep?.('file_has_both');
  const change: MasterKeyChange = { from: from.id, to: to.id, resumed: other !== undefined };
  store.change((writer) => {
    if (readMeta(writer, 'master_key_id') !== from.id)
      throw identityErrors.error('conflict', 'the key was just rotated');
    reseal(
      writer,
      createSealer(writer, () => [from, to]),
      to,
      now,
    );
    options.inTransaction?.(writer, change);
  });
  onStep?.('rows_resealed');
  writeMasterKeys(source.file, [to]);
  onStep?.('file_has_new');
  return change;
}

/**
 * Begins anew after the master key is lost: a new key, and nothing of what was under the old one. Passwords, second factors and
 * passkeys of everybody are gone; tokens that were issued stay valid.
 * @throws failed_precondition when the file's key opens the database, or the key comes from a credential
 */
export function resetMaster(store: Store, source: MasterKeySource, options: RotationOptions): MasterKeyChange {
  const from = readMeta(store.reader, 'master_key_id');
  const present = masterKeyExists(source) ? readOrNone(source) : null;
  if (present) refuseCredential(present);
  if (present?.keys.some(({ id }) => id === from)) {
    const message = `master key ${from} opens this database; use \`mcias key rotate-master\` to replace it`;
    throw identityErrors.error('failed_precondition', message);
  }
  // A key of an interrupted run stands in the file already, and sealing under it is as good as under a new one.
  const to = present?.keys[0] ?? createMasterKey();
  writeMasterKeys(source.file, [to]);
  options.onStep?.('file_has_new');
  const change: MasterKeyChange = { from, to: to.id, resumed: false };
  store.change((writer) => {
    for (const { onLoss } of sealedColumns) writer.run(onLoss);
    writer.run('DELETE FROM recovery_codes');
    writeMeta(writer, 'master_key_id', to.id, options.now);
    createSealer(writer, () => [to]).prepare(writer, options.now);
    options.inTransaction?.(writer, change);
  });
  options.onStep?.('rows_resealed');
  return change;
}

type SealedRow = { readonly row: string; readonly sealed: Uint8Array };

function reseal(writer: Writer, sealer: Sealer, to: MasterKey, now: number): void {
  // From here on seal() uses the new key; open() goes by the key that each value names.
  writeMeta(writer, 'master_key_id', to.id, now);
  for (const { table, column, row } of sealedColumns) {
    const rows = writer.all<SealedRow>(
      `SELECT ${row} AS row, ${column} AS sealed FROM ${table} WHERE ${column} IS NOT NULL`,
    );
    for (const { row: id, sealed } of rows) {
      const place: Place = { table, column, row: id };
      const again = sealer.seal(writer, place, sealer.open(place, sealed));
      writer.run(`UPDATE ${table} SET ${column} = ? WHERE ${row} = ?`, [again, id]);
    }
  }
}

function keyInForce(store: Store, file: MasterKeyFile): MasterKey {
  const needed = readMeta(store.reader, 'master_key_id');
  const key = file.keys.find(({ id }) => id === needed);
  if (key) return key;
  const present = file.keys.map(({ id }) => id);
  throw wrongMasterKey(needed ?? 'none', present);
}

function refuseCredential(file: MasterKeyFile): void {
  if (file.writable) return;
  const message = `the master key comes from the credential ${file.path}, which mcias cannot write; put it into the file first`;
  throw identityErrors.error('failed_precondition', message);
}

function readOrNone(source: MasterKeySource): MasterKeyFile | null {
  try {
    return readMasterKeys(source);
  } catch (error) {
    if (identityErrors.is(error, 'failed_precondition')) return null;
    throw error;
  }
}
