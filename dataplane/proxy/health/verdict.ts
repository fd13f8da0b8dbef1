import type { HealthCheck } from '../model.ts';

/** What the checks of a backend have come to. */
export interface Verdict {
  readonly isUp: boolean;
  /** Checks in a row that contradict it. */
  readonly against: number;
  /** False until the first check has ended. */
  readonly isKnown: boolean;
}

/** A backend serves until a check says otherwise: a start must not refuse everybody for as long as a check takes. */
export const UNCHECKED: Verdict = { isUp: true, against: 0, isKnown: false };

/** The first check of all decides by itself, for either side; later ones only in a row, `fall` or `rise` of them. */
export function judge(before: Verdict, passed: boolean, { fall, rise }: Pick<HealthCheck, 'fall' | 'rise'>): Verdict {
  if (passed === before.isUp) return { isUp: before.isUp, against: 0, isKnown: true };
  const against = before.against + 1;
  const needed = before.isUp ? fall : rise;
  if (before.isKnown && against < needed) return { isUp: before.isUp, against, isKnown: true };
  return { isUp: passed, against: 0, isKnown: true };
}
