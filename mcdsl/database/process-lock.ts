import fs from 'node:fs';

import Sqlite from 'better-sqlite3';

import { databaseErrors, mapped, mappedFiles } from './errors.ts';

/**
 * A lock by which one process at a time serves a database; readers and short writers beside it need none. It is a lock of the kernel
 * on a file beside the database (`NAME.lock`, empty, left there), so it ends with the process however that ends. Null when another
 * process has it. Not to be taken twice in one process, which POSIX would not notice.
 * @throws as openDatabase, when the file cannot be made or opened
 */
export function takeProcessLock(databasePath: string): Disposable | null {
  const path = `${databasePath}.lock`;
  mappedFiles(`lock ${path}`, () => {
    if (!fs.existsSync(path)) fs.closeSync(fs.openSync(path, 'a', 0o600));
  });
  const file = mapped(path, () => new Sqlite(path, { fileMustExist: true, timeout: 0 }));
  try {
    // Node has no flock; a transaction that writes nothing holds SQLite's own lock on the file.
    mapped(path, () => file.exec('BEGIN EXCLUSIVE'));
  } catch (error) {
    file.close();
    if (databaseErrors.is(error, 'database_locked')) return null;
    throw error;
  }
  return { [Symbol.dispose]: () => void file.close() };
}
