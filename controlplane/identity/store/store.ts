import {
  databaseErrors,
  openDatabase,
  type Database,
  type Reader,
  type Writer,
} from '../../../mcdsl/database/index.ts';
import { identityErrors } from '../errors.ts';
import { migrations } from './migrations.ts';

export type StoreOptions = {
  readonly path: string;
  /** How long a change waits for the lock of another process (`mcias recover`, a snapshot); blocks the thread. */
  readonly busyTimeoutMs?: number;
};

/** mcias.db. Each room writes its own queries against it; what changes stands in one transaction with its audit entry. */
export type Store = Disposable & {
  readonly path: string;
  readonly warnings: readonly string[];
  readonly reader: Reader;
  /** Several reads of one state. */
  read<T>(work: (reader: Reader) => T): T;
  /**
   * One change, on the disk when it returns; if the work throws, nothing has changed. Not to be nested; the work must not wait.
   * @throws audit_unavailable when the database cannot be written (full disk, lock, read-only)
   */
  change<T>(work: (writer: Writer) => T): T;
  /** A number that differs after another process has committed a change, such as `mcias recover`. */
  dataVersion(): number;
  /**
   * A number that differs after any change, of this process or another: what was read at the same number is still so. Costs a
   * fraction of a query. Not to be asked inside a change.
   */
  changes(): number;
};

/**
 * Opens mcias.db, creating or migrating it. A damaged one is refused: the root of trust must not start empty.
 * @throws database_* of mcdsl/database
 */
export function openStore(options: StoreOptions): Store {
  const { path, busyTimeoutMs = 1_000 } = options;
  return createStore(openDatabase({ path, migrations, busyTimeoutMs }));
}

const unwritable = new Set(['database_full', 'database_io', 'database_readonly', 'database_locked']);

function createStore(database: Database): Store {
  const dataVersion = (): number =>
    database.reader.get<{ data_version: number }>('PRAGMA data_version')?.data_version ?? 0;
  // SQLite counts only what other connections commit.
  let changes = 0;
  let version = 0;
  return {
    path: database.path,
    warnings: database.opened.warnings,
    reader: database.reader,
    read: (work) => database.read(work),
    change(work) {
      try {
        return database.transaction(work);
      } catch (error) {
        if (!databaseErrors.is(error) || !unwritable.has(error.code)) throw error;
        const message = 'the change could not be recorded, so it was not made; try again later';
        throw identityErrors.error('audit_unavailable', message, {}, { cause: error, retryAfterSeconds: 5 });
      } finally {
        changes++;
      }
    },
    dataVersion,
    changes() {
      const seen = dataVersion();
      if (seen !== version) changes++;
      version = seen;
      return changes;
    },
    [Symbol.dispose]: () => database[Symbol.dispose](),
  };
}
