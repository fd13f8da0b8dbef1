export { createCtl } from './ctl.ts';
export type { Ctl, CtlOptions } from './ctl.ts';
export { commandErrors, exitCodeOf, refuseUsage } from './errors.ts';
export { createProgram } from './program.ts';
export type { Abort, Program, Streams } from './program.ts';
export { runServerProgram } from './server-program.ts';
export type { ServeContext, ServerDescriptor } from './server-program.ts';
