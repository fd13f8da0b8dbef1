import fs from 'node:fs';
import path from 'node:path';

import Sqlite from 'better-sqlite3';

import {
  damageOf,
  databaseErrors,
  mapped,
  mappedFiles,
  schemaVersion as schemaVersionOf,
  syncFolder,
  utcStamp,
} from '../database/index.ts';
import { errnoOf } from '../errors/index.ts';
import { parseSnapshotName, pruneSnapshots, snapshotName, snapshotPattern } from './names.ts';

export type SnapshotOptions = {
  /** The database; a server may be writing it. */
  readonly path: string;
  /** Where copies go; `backups` beside the database when left out. Created with mode 0750 if it is missing. */
  readonly folder?: string;
  /** How many copies stay, the new one included. At least 1; 7 when left out. */
  readonly keep?: number;
  readonly time?: Date;
};

export type Snapshot = {
  readonly path: string;
  readonly sizeBytes: number;
  readonly schemaVersion: number;
  /** Older copies that were removed. */
  readonly removed: readonly string[];
};

const defaultKeep = 7;
const busyTimeoutMs = 5000;

/**
 * Copies a database with VACUUM INTO to `backups/NAME-20261120T200000Z.db`: one consistent state, defragmented, checked
 * with quick_check, on the disk (fsync) before it gets its name, mode 0640 so that the folder's group can carry it away.
 * Afterwards the oldest copies above `keep` are removed, and only files that bear a name given here.
 * It blocks the thread for the time of the copy.
 * @throws RangeError for a bad `keep`; database_unavailable, database_full, database_corrupt, … as `mcdsl/database`.
 *   A failure leaves no file behind and removes no older copy
 */
export function takeSnapshot(options: SnapshotOptions): Snapshot {
  const { path: source, keep = defaultKeep, time = new Date() } = options;
  if (!Number.isInteger(keep) || keep < 1) throw new RangeError(`keep must be a whole number from 1 on, got ${keep}`);
  if (!fs.existsSync(source)) throw databaseErrors.error('database_unavailable', `database ${source} does not exist`);
  const folder = options.folder ?? path.join(path.dirname(source), 'backups');
  const pattern = snapshotPattern(source);
  const { partial, target } = inFolder(folder, () => reserve(folder, source, time));
  try {
    mapped(`${source} (copy to ${folder})`, () => vacuumInto(source, partial));
    inFolder(folder, () => syncFile(partial));
    const schemaVersion = mapped(partial, () => verify(partial));
    const sizeBytes = fs.statSync(partial).size;
    inFolder(folder, () => {
      fs.renameSync(partial, target);
      syncFolder(folder);
    });
    const removed = inFolder(folder, () => pruneSnapshots(folder, pattern, keep, time));
    return { path: target, sizeBytes, schemaVersion, removed };
  } finally {
    fs.rmSync(partial, { force: true });
    fs.rmSync(`${partial}-journal`, { force: true });
  }
}

/** The copies of a database in a folder, newest first. */
export function listSnapshots(folder: string, database: string): readonly string[] {
  const pattern = snapshotPattern(database);
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder)
    .flatMap((name) => parseSnapshotName(pattern, name) ?? [])
    .sort((a, b) => b.order.localeCompare(a.order))
    .map(({ name }) => path.join(folder, name));
}

/**
 * Takes the first free name of this second. The partial file is made exclusively, so it is also the claim to the name:
 * two snapshots at once get two names.
 */
function reserve(folder: string, database: string, time: Date): { partial: string; target: string } {
  fs.mkdirSync(folder, { recursive: true, mode: 0o750 });
  for (let n = 1; n < 1000; n++) {
    const name = snapshotName(database, utcStamp(time), n);
    const target = path.join(folder, name);
    const partial = path.join(folder, `.${name}.partial`);
    if (!createExclusively(partial)) continue;
    if (!fs.existsSync(target)) return { partial, target };
    fs.rmSync(partial);
  }
  throw databaseErrors.error('database_unavailable', `no free name for a snapshot of this second in ${folder}`);
}

function createExclusively(file: string): boolean {
  try {
    fs.closeSync(fs.openSync(file, 'wx', 0o640));
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function vacuumInto(source: string, target: string): void {
  const db = new Sqlite(source, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs });
  try {
    db.prepare('VACUUM INTO ?').run(target);
  } finally {
    db.close();
  }
}

/** VACUUM INTO does not wait for the disk. */
function syncFile(file: string): void {
  const fd = fs.openSync(file, 'r+');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Returns the schema version of a sound copy. */
function verify(file: string): number {
  const db = new Sqlite(file, { readonly: true, fileMustExist: true });
  try {
    const damage = damageOf(db);
    if (damage !== null) throw databaseErrors.error('database_corrupt', `snapshot ${file} is damaged: ${damage}`);
    return schemaVersionOf(db);
  } finally {
    db.close();
  }
}

function inFolder<T>(folder: string, work: () => T): T {
  return mappedFiles(`snapshot in ${folder}`, work);
}
