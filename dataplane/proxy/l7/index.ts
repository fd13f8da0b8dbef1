export { createTerminator } from './terminator.ts';
export type { Terminator, TerminatorDeps } from './terminator.ts';
