export { createCtl } from './ctl.ts';
export { runServerProgram } from './server-program.ts';
export type { OwnCommands, SnapshotNote } from './server-program.ts';
