export type { Reader, RunResult, SqlParams, SqlRow, SqlValue, Writer } from './access.ts';
export { openDatabase, openReadonlyDatabase } from './database.ts';
export type { Database, DatabaseOptions, OpenReport, ReadonlyDatabase, ReadonlyDatabaseOptions } from './database.ts';
export { databaseErrors, databaseRows, mapped } from './errors.ts';
export type { DatabaseCode } from './errors.ts';
export type { Migration, MigrationReport } from './migrations.ts';
export { syncFolder, utcStamp } from './set-aside.ts';
