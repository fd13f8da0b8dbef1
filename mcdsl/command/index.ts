export { createCtl } from './ctl.ts';
export { loadOrThrow } from './load.ts';
export { runServerProgram } from './server-program.ts';
export type { OwnCommands, SnapshotNote } from './server-program.ts';
