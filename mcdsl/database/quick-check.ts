import type Sqlite from 'better-sqlite3';

/** What is wrong with the file of a database; null when it is sound. Reads all of it. */
export function damageOf(db: Sqlite.Database): string | null {
  const result = db.pragma('quick_check(1)', { simple: true });
  return result === 'ok' ? null : `quick_check says: ${String(result)}`;
}
