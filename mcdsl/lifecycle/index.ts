export { runServer } from './run-server.ts';
export type { Lifecycle, RunningServer } from './run-server.ts';
