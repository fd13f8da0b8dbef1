import type Sqlite from 'better-sqlite3';

import { messageOf, SystemError } from '../errors/index.ts';
import { createWriter } from './access.ts';
import type { Writer } from './access.ts';
import { databaseErrors, mapSqliteError } from './errors.ts';

/** One step of the schema. A released migration is never edited; a change is a new one. */
export type Migration = {
  /** 1, 2, 3, … without gaps: the value of `user_version` once it has run. */
  readonly version: number;
  readonly name: string;
  /** SQL statements, or a function for what SQL cannot say. */
  readonly up: string | ((writer: Writer) => void);
};

export type MigrationReport = { readonly fromVersion: number; readonly toVersion: number };

/** @throws Error when versions are not 1, 2, 3, … or a name is empty: a mistake in the program */
export function checkMigrations(migrations: readonly Migration[]): void {
  for (const [i, { version, name }] of migrations.entries()) {
    if (version !== i + 1)
      throw new Error(`migration ${JSON.stringify(name)} has version ${version}, expected ${i + 1}`);
    if (name === '') throw new Error(`migration ${version} has no name`);
  }
}

export function schemaVersion(db: Sqlite.Database): number {
  return Number(db.pragma('user_version', { simple: true }));
}

/** @throws database_schema_newer when a newer program has migrated the database, database_corrupt below 0 */
export function refuseNewer(db: Sqlite.Database, path: string, migrations: readonly Migration[]): void {
  const version = schemaVersion(db);
  if (version < 0)
    throw databaseErrors.error('database_corrupt', `database ${path} is damaged: its schema is ${version}`);
  if (version <= migrations.length) return;
  throw databaseErrors.error(
    'database_schema_newer',
    `database ${path} has schema ${version} and this program knows up to ${migrations.length}: ` +
      'it was used by a newer version; run that version, or restore a snapshot made before the upgrade',
    { schema: version, known: migrations.length },
  );
}

/**
 * Runs the migrations that the database has not had, each in one transaction together with its `user_version`: a kill
 * at any moment leaves one whole version. Foreign keys are off meanwhile, so that tables can be rebuilt, and checked
 * before each commit (https://sqlite.org/lang_altertable.html#otheralter).
 * @throws database_schema_newer, database_migration_failed, or what SQLite refuses
 */
export function migrate(db: Sqlite.Database, path: string, migrations: readonly Migration[]): MigrationReport {
  refuseNewer(db, path, migrations);
  const fromVersion = schemaVersion(db);
  if (fromVersion === migrations.length) return { fromVersion, toVersion: fromVersion };
  db.pragma('foreign_keys = OFF');
  try {
    for (const migration of migrations.slice(fromVersion)) runOne(db, path, migration);
  } finally {
    db.pragma('foreign_keys = ON');
  }
  return { fromVersion, toVersion: schemaVersion(db) };
}

function runOne(db: Sqlite.Database, path: string, migration: Migration): void {
  const { version, name, up } = migration;
  const step = db.transaction(() => {
    // Another process that opened the database at the same time may have run it while this one waited for the lock.
    if (schemaVersion(db) >= version) return;
    if (typeof up === 'string') db.exec(up);
    else up(createWriter(db, path));
    const broken = db.pragma('foreign_key_check');
    if (Array.isArray(broken) && broken.length > 0) throw new Error(`${broken.length} rows break a foreign key`);
    db.pragma(`user_version = ${version}`);
  });
  try {
    step.immediate();
  } catch (error) {
    const cause = mapSqliteError(path, error);
    if (cause instanceof SystemError && cause.code !== 'database_constraint') throw cause;
    throw databaseErrors.error(
      'database_migration_failed',
      `database ${path}: migration ${version} (${name}) failed and was undone: ${messageOf(cause)}`,
      { version, name },
      { cause },
    );
  }
}
