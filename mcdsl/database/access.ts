import type Sqlite from 'better-sqlite3';

import { mapped } from './errors.ts';

export type SqlValue = string | number | bigint | Uint8Array | null;

/** Values for `?` in their order, or for `@name` by name. */
export type SqlParams = readonly SqlValue[] | Readonly<Record<string, SqlValue>>;

export type SqlRow = Readonly<Record<string, SqlValue>>;

export type RunResult = { readonly changes: number; readonly lastId: number | bigint };

/**
 * The reading half. `T` is the shape that the schema (STRICT tables) guarantees; nothing checks it again.
 * Statements are compiled once and kept, so SQL text is constant and values are always parameters.
 */
export type Reader = {
  get<T extends object = SqlRow>(sql: string, params?: SqlParams): T | null;
  all<T extends object = SqlRow>(sql: string, params?: SqlParams): readonly T[];
  /** For results too many to hold at once. Nothing else may be asked of the database until it ends. */
  iterate<T extends object = SqlRow>(sql: string, params?: SqlParams): IterableIterator<T>;
};

/** What a transaction gets: there is no writing outside one. */
export type Writer = Reader & { run(sql: string, params?: SqlParams): RunResult };

const maxStatements = 256;

export function createReader(db: Sqlite.Database, path: string): Reader {
  const { get, all, iterate } = createWriter(db, path);
  return { get, all, iterate };
}

export function createWriter(db: Sqlite.Database, path: string): Writer {
  const statements = new Map<string, Sqlite.Statement<[SqlParams], unknown>>();
  const prepare = (sql: string): Sqlite.Statement<[SqlParams], unknown> => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = db.prepare<[SqlParams], unknown>(sql);
    // Only SQL put together at run time could fill it; starting again costs a compilation each.
    if (statements.size >= maxStatements) statements.clear();
    statements.set(sql, statement);
    return statement;
  };
  return {
    get: <T extends object>(sql: string, params: SqlParams = []) =>
      mapped(path, () => (prepare(sql).get(params) as T | undefined) ?? null),
    all: <T extends object>(sql: string, params: SqlParams = []) => mapped(path, () => prepare(sql).all(params) as T[]),
    *iterate<T extends object>(sql: string, params: SqlParams = []) {
      const rows = mapped(path, () => prepare(sql).iterate(params) as IterableIterator<T>);
      try {
        for (;;) {
          const next = mapped(path, () => rows.next());
          if (next.done === true) return;
          yield next.value;
        }
      } finally {
        rows.return?.();
      }
    },
    run: (sql, params = []) =>
      mapped(path, () => {
        const { changes, lastInsertRowid } = prepare(sql).run(params);
        return { changes, lastId: lastInsertRowid };
      }),
  };
}
