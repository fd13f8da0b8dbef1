import type { Operations, Runner } from '../api/index.ts';
import type { Browsers } from '../browser/index.ts';
import type { Refusals } from '../refusals.ts';
import type { Rooms } from '../rooms.ts';
import type { View } from './view.ts';

/** What pages stand on. */
export type PagesDeps = Rooms & {
  readonly browsers: Browsers;
  readonly view: View;
  /** Pages are the third way to the operations of the API: what changes something is one of them. */
  readonly operations: Operations;
  readonly runner: Runner;
  /** Told of refusals that a page shows: the edge sees only what is thrown. */
  readonly refusals: Refusals;
};
