import type { Reason } from './reasons.ts';

/** Counts what was refused, for `mc_mcias_refusals_total`. Whoever answers a refusal instead of throwing it to the edge tells it here. */
export type Refusals = {
  reason(reason: Reason): void;
  error(error: unknown): void;
};
