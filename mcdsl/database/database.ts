import fs from 'node:fs';

import Sqlite from 'better-sqlite3';

import { createReader, createWriter } from './access.ts';
import type { Reader, Writer } from './access.ts';
import { databaseErrors, mapped, mappedFiles } from './errors.ts';
import { checkMigrations, migrate, refuseNewer, schemaVersion } from './migrations.ts';
import type { Migration, MigrationReport } from './migrations.ts';
import { damageOf } from './quick-check.ts';
import { setAside } from './set-aside.ts';

export type DatabaseOptions = {
  readonly path: string;
  readonly migrations: readonly Migration[];
  /** How long one statement waits for another process's lock. It blocks the thread, so keep it short. */
  readonly busyTimeoutMs?: number;
  /** What to do with a damaged database: refuse to open (the default), or rename it and start with an empty one. */
  readonly onCorrupt?: 'refuse' | 'set-aside';
};

export type ReadonlyDatabaseOptions = Pick<DatabaseOptions, 'path' | 'migrations' | 'busyTimeoutMs'>;

/** What happened while opening, for the log. */
export type OpenReport = {
  /** Where the damaged database is now, and what was wrong with it; null when it was sound. */
  readonly setAside: { readonly path: string; readonly reason: string } | null;
  readonly migration: MigrationReport;
  /** What the operator should know and the program can live with. */
  readonly warnings: readonly string[];
};

export type ReadonlyDatabase = Disposable & {
  readonly path: string;
  readonly reader: Reader;
  /** Several reads of one state of the database. */
  read<T>(work: (reader: Reader) => T): T;
  schemaVersion(): number;
};

export type Database = ReadonlyDatabase & {
  readonly opened: OpenReport;
  /**
   * Runs the work in one transaction that holds the write lock from its begin, and commits with fsync before it returns.
   * If the work throws, or the commit is refused, nothing has changed. Not to be nested; the work must not wait.
   */
  transaction<T>(work: (writer: Writer) => T): T;
  /**
   * Keeps every other process from writing until it is disposed, for a process that takes over from another one. Transactions of
   * this one go on, but are on the disk only when it is disposed: nothing may be acknowledged before.
   */
  holdWrites(): Disposable;
};

const defaultBusyTimeoutMs = 1000;

/**
 * Opens a database for reading and writing, creates it with mode 0600 if it is missing, and migrates it.
 * @throws database_locked, database_full, database_io, database_readonly, database_unavailable, database_corrupt,
 *   database_schema_newer, database_migration_failed
 */
export function openDatabase(options: DatabaseOptions): Database {
  const { path, migrations } = options;
  checkMigrations(migrations);
  const first = openChecked(options);
  let aside: OpenReport['setAside'] = null;
  if (first.kind === 'damaged') {
    if (options.onCorrupt !== 'set-aside') throw damagedError(path, first.reason);
    aside = { path: mappedFiles(`database ${path}`, () => setAside(path, new Date())), reason: first.reason };
  }
  const open = first.kind === 'sound' ? first : openChecked(options);
  if (open.kind === 'damaged') throw damagedError(path, open.reason);
  const { db, warnings } = open;
  try {
    const migration = mapped(path, () => migrate(db, path, migrations));
    return { ...writable(db, path), opened: { setAside: aside, migration, warnings } };
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Opens a database of the current schema for reading, while another process may write it.
 * @throws as openDatabase, and database_schema_older when it has not been migrated yet
 */
export function openReadonlyDatabase(options: ReadonlyDatabaseOptions): ReadonlyDatabase {
  const { path, migrations } = options;
  checkMigrations(migrations);
  const db = mapped(path, () => connect(path, true, options.busyTimeoutMs ?? defaultBusyTimeoutMs));
  try {
    mapped(path, () => refuseNewer(db, path, migrations));
    const version = mapped(path, () => schemaVersion(db));
    if (version < migrations.length) {
      throw databaseErrors.error(
        'database_schema_older',
        `database ${path} has schema ${version}, this program needs ${migrations.length}: run its migrate command`,
        { schema: version, known: migrations.length },
      );
    }
    return readable(db, path);
  } catch (error) {
    db.close();
    throw error;
  }
}

type Opened =
  | { readonly kind: 'sound'; readonly db: Sqlite.Database; readonly warnings: readonly string[] }
  | { readonly kind: 'damaged'; readonly reason: string };

function openChecked(options: DatabaseOptions): Opened {
  const { path, busyTimeoutMs = defaultBusyTimeoutMs } = options;
  const warnings = mappedFiles(`database ${path}`, () => prepareFile(path));
  let db: Sqlite.Database | null = null;
  try {
    const connected = mapped(path, () => connect(path, false, busyTimeoutMs));
    db = connected;
    const reason = mapped(path, () => damageOf(connected));
    if (reason === null) return { kind: 'sound', db, warnings };
    db.close();
    return { kind: 'damaged', reason };
  } catch (error) {
    db?.close();
    if (databaseErrors.is(error, 'database_corrupt')) return { kind: 'damaged', reason: error.message };
    throw error;
  }
}

function connect(path: string, readonly: boolean, busyTimeoutMs: number): Sqlite.Database {
  if (readonly && !fs.existsSync(path))
    throw databaseErrors.error('database_unavailable', `database ${path} does not exist`);
  const db = new Sqlite(path, { readonly, fileMustExist: true, timeout: busyTimeoutMs });
  try {
    db.pragma('trusted_schema = OFF');
    db.pragma('cell_size_check = ON');
    if (readonly) return db;
    db.pragma('journal_mode = WAL');
    // FULL: a commit is on the disk before it is acknowledged, also in WAL.
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    db.pragma('journal_size_limit = 16777216');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Before SQLite has the file: closing any descriptor of it later would drop this process's locks on it (POSIX).
 */
function prepareFile(path: string): string[] {
  if (!fs.existsSync(path)) fs.closeSync(fs.openSync(path, 'a', 0o600));
  if ((fs.statSync(path).mode & 0o077) === 0) return [];
  try {
    fs.chmodSync(path, 0o600);
    return [`database ${path} could be read by other users; its mode is 0600 now`];
  } catch (error) {
    return [`database ${path} can be read by other users, and its mode cannot be changed: ${String(error)}`];
  }
}

function damagedError(path: string, reason: string): Error {
  return databaseErrors.error('database_corrupt', `database ${path} is damaged: ${reason}; restore a snapshot`);
}

function readable(db: Sqlite.Database, path: string): ReadonlyDatabase {
  const reader = createReader(db, path);
  return {
    path,
    reader,
    read: <T>(work: (reader: Reader) => T): T => mapped(path, () => db.transaction(() => work(reader)).deferred()),
    schemaVersion: () => mapped(path, () => schemaVersion(db)),
    [Symbol.dispose]: () => void db.close(),
  };
}

function writable(db: Sqlite.Database, path: string): Omit<Database, 'opened'> {
  const writer = createWriter(db, path);
  const identity = fs.statSync(path);
  let held = 0;
  /** A commit to a file that is no longer there would be acknowledged and lost. Costs a stat, nothing beside the fsync. */
  const checkStillThere = (): void => {
    const now = fs.statSync(path, { throwIfNoEntry: false });
    if (now?.ino === identity.ino && now.dev === identity.dev) return;
    throw databaseErrors.error(
      'database_unavailable',
      `database ${path} was removed or replaced while it was open; nothing was written: put it back, or restart`,
    );
  };
  return {
    ...readable(db, path),
    transaction<T>(work: (writer: Writer) => T): T {
      if (db.inTransaction && held === 0) throw new Error('a transaction cannot be begun inside another');
      checkStillThere();
      const run = db.transaction(() => work(writer));
      // Inside the held one it becomes a savepoint.
      return mapped(path, () => (held === 0 ? run.immediate() : run()));
    },
    holdWrites() {
      if (held === 0) mapped(path, () => db.exec('BEGIN IMMEDIATE'));
      held++;
      let mine = true;
      return {
        [Symbol.dispose]() {
          if (!mine) return;
          mine = false;
          if (--held === 0 && db.open) mapped(path, () => db.exec('COMMIT'));
        },
      };
    },
  };
}
