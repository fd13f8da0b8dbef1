/**
 * The soft lock of one name: after a wrong password the name rests, longer the more of them there were today. A pure state
 * machine: (state, event, now) → (state, answer). The method is Kanidm's.
 *
 * Counts are those of one UTC day: when it ends the count starts over, so one wrong password a day does not lock a name for good,
 * and nobody gets more than about a hundred tries a day.
 */
export interface SoftLock {
  readonly failures: number;
  /** When the first of them was; milliseconds since the epoch, as all times here. */
  readonly firstAt: number;
  readonly lockedUntil: number;
}

/** `try`: somebody wants to log in. `failure`: it was tried and was wrong. `reset`: a complete login, or unlock. */
export type SoftLockEvent = 'try' | 'failure' | 'reset';

export type SoftLockAnswer =
  { readonly kind: 'open' } | { readonly kind: 'locked'; readonly retryAfterMs: number; readonly failures: number };

/** `state` null: there is nothing to remember. */
export interface SoftLockStep {
  readonly state: SoftLock | null;
  readonly answer: SoftLockAnswer;
}

const dayMs = 86_400_000;

/** Below so many failures, rest so long. Above them all: until the UTC day ends. */
const rests = [
  { below: 3, restMs: 1_000 },
  { below: 9, restMs: 3_000 },
  { below: 25, restMs: 5_000 },
  { below: 100, restMs: 10_000 },
] as const;

export function softLock(state: SoftLock | null, event: SoftLockEvent, now: number): SoftLockStep {
  if (event === 'reset') return open(null);
  const current = state === null ? null : settle(state, now);
  if (event === 'try') return current === null ? open(null) : answer(current, now);
  const failures = (current?.failures ?? 0) + 1;
  const lockedUntil = Math.max(current?.lockedUntil ?? 0, now + restOf(failures, now));
  return answer({ failures, firstAt: current?.firstAt ?? now, lockedUntil }, now);
}

/** How long a name rests after its n-th failure. */
export function restOf(failures: number, now: number): number {
  return rests.find(({ below }) => failures < below)?.restMs ?? dayMs - (((now % dayMs) + dayMs) % dayMs);
}

/**
 * The state as of now: null when its day and its rest are over. A rest that ends later than one that begins now is no rest of
 * this clock: it was set back, and must not lock a name until the old time comes again.
 */
function settle(state: SoftLock, now: number): SoftLock | null {
  const isOfThisClock = state.lockedUntil <= now + restOf(state.failures, now);
  const lockedUntil = isOfThisClock ? state.lockedUntil : now;
  const firstAt = Math.min(state.firstAt, now);
  if (dayOf(firstAt) < dayOf(now) && lockedUntil <= now) return null;
  return { failures: state.failures, firstAt, lockedUntil };
}

function answer(state: SoftLock, now: number): SoftLockStep {
  if (state.lockedUntil <= now) return { state, answer: { kind: 'open' } };
  const { failures, lockedUntil } = state;
  return { state, answer: { kind: 'locked', retryAfterMs: lockedUntil - now, failures } };
}

function open(state: SoftLock | null): SoftLockStep {
  return { state, answer: { kind: 'open' } };
}

function dayOf(at: number): number {
  return Math.floor(at / dayMs);
}
