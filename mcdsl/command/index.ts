export { createCtl } from './ctl.ts';
export { createProgram } from './program.ts';
export { runServerProgram } from './server-program.ts';
