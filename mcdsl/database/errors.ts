import Sqlite from 'better-sqlite3';

import { defineErrors, errnoOf, messageOf } from '../errors/index.ts';
import type { ErrorRow } from '../errors/index.ts';

/** What a database can refuse: spread into the table of a system that keeps one, `{ ...databaseRows, … }`. */
export const databaseRows = {
  database_locked: { http: 503, grpc: 'UNAVAILABLE', retry: true },
  database_full: { http: 507, grpc: 'RESOURCE_EXHAUSTED', retry: true },
  database_io: { http: 503, grpc: 'UNAVAILABLE', retry: true },
  database_readonly: { http: 503, grpc: 'FAILED_PRECONDITION', retry: false },
  database_unavailable: { http: 503, grpc: 'UNAVAILABLE', retry: false },
  database_corrupt: { http: 500, grpc: 'DATA_LOSS', retry: false },
  database_constraint: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  database_schema_newer: { http: 500, grpc: 'FAILED_PRECONDITION', retry: false },
  database_schema_older: { http: 500, grpc: 'FAILED_PRECONDITION', retry: false },
  database_migration_failed: { http: 500, grpc: 'INTERNAL', retry: false },
} as const satisfies Record<string, ErrorRow>;

export type DatabaseCode = keyof typeof databaseRows;

export const databaseErrors = defineErrors('database', databaseRows);

/** SQLite's primary result codes, https://sqlite.org/rescode.html, with what the operator can do about each. */
const causes: Readonly<Record<string, { readonly code: DatabaseCode; readonly text: string }>> = {
  BUSY: { code: 'database_locked', text: 'another process holds the write lock; try again, or find it with fuser' },
  LOCKED: { code: 'database_locked', text: 'another connection holds the lock; try again' },
  FULL: { code: 'database_full', text: 'the disk is full; nothing was changed; free some space and try again' },
  IOERR: { code: 'database_io', text: 'the disk failed to read or write; look at the kernel log and at free space' },
  NOMEM: { code: 'database_io', text: 'memory ran out' },
  READONLY: {
    code: 'database_readonly',
    text: 'the file or its folder cannot be written; check owner, mode and mount',
  },
  PERM: { code: 'database_readonly', text: 'the file cannot be written; check owner and mode' },
  CANTOPEN: {
    code: 'database_unavailable',
    text: 'the file cannot be opened; check that its folder exists and may be entered',
  },
  AUTH: { code: 'database_unavailable', text: 'the file cannot be opened; check owner and mode' },
  CORRUPT: {
    code: 'database_corrupt',
    text: 'the file is damaged; restore a snapshot, or set it aside to start afresh',
  },
  NOTADB: {
    code: 'database_corrupt',
    text: 'the file is no SQLite database; restore a snapshot, or set it aside to start afresh',
  },
  CONSTRAINT: { code: 'database_constraint', text: 'the change breaks a rule of the schema' },
};

/** Runs database work and turns what SQLite refuses into the closed table. Errors of other kinds (a bug in SQL) pass. */
export function mapped<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw mapSqliteError(path, error);
  }
}

/** As `mapped`, for work on the files around a database; `where` begins the message. */
export function mappedFiles<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (databaseErrors.is(cause)) throw cause;
    const code = errnoOf(cause) === 'ENOSPC' ? 'database_full' : 'database_unavailable';
    throw databaseErrors.error(code, `${where}: ${messageOf(cause)}`, {}, { cause });
  }
}

export function mapSqliteError(path: string, error: unknown): unknown {
  if (!(error instanceof Sqlite.SqliteError)) return error;
  const primary = error.code.replace(/^SQLITE_/, '').split('_')[0] ?? '';
  const known = causes[primary];
  if (known === undefined) return error;
  const message = `database ${path}: ${known.text} (${error.message})`;
  return databaseErrors.error(known.code, message, { sqlite: error.code }, { cause: error });
}
