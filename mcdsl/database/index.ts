export type { Reader, Writer } from './access.ts';
export { openDatabase, openReadonlyDatabase } from './database.ts';
export type { Database } from './database.ts';
export { databaseErrors, databaseRows, mapped, mappedFiles } from './errors.ts';
export { schemaVersion } from './migrations.ts';
export type { Migration } from './migrations.ts';
export { takeProcessLock } from './process-lock.ts';
export { damageOf } from './quick-check.ts';
export { syncFolder, utcStamp } from './set-aside.ts';
