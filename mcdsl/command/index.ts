export { createCtl } from './ctl.ts';
export { runServerProgram } from './server-program.ts';
