export type { DrainControl, DrainState, DrainStatus } from './drain-control.ts';
export { runServer } from './run-server.ts';
export type { Lifecycle, RunningServer, RunOptions } from './run-server.ts';
