import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { restOf, softLock, type SoftLock } from './soft-lock.ts';

const dayMs = 86_400_000;
const morning = Date.UTC(2026, 0, 5, 10);
const midnight = Date.UTC(2026, 0, 6);

/** So many failures, each at the first moment that a try is admitted again. */
function failTimes(count: number, start = morning): { state: SoftLock | null; now: number } {
  let state: SoftLock | null = null;
  let now = start;
  for (let n = 0; n < count; n++) {
    ({ state } = softLock(state, 'failure', now));
    now = state?.lockedUntil ?? now;
  }
  return { state, now };
}

describe('soft lock', () => {
  it.each([
    [1, 1_000],
    [2, 1_000],
    [3, 3_000],
    [8, 3_000],
    [9, 5_000],
    [24, 5_000],
    [25, 10_000],
    [99, 10_000],
  ])('IA-61 after %i failures a name rests for %i ms, to the millisecond', (failures, restMs) => {
    const { state, now } = failTimes(failures);
    expect(softLock(state, 'try', now - 1).answer).toEqual({ kind: 'locked', retryAfterMs: 1, failures });
    expect(softLock(state, 'try', now - restMs).answer).toMatchObject({ retryAfterMs: restMs });
    expect(softLock(state, 'try', now).answer).toEqual({ kind: 'open' });
  });

  it('IA-61 after 100 failures it rests until the UTC day ends, and then starts over', () => {
    const { state, now } = failTimes(100);
    expect(now).toBe(midnight);
    expect(softLock(state, 'try', midnight - 1).answer.kind).toBe('locked');
    expect(softLock(state, 'try', midnight)).toEqual({ state: null, answer: { kind: 'open' } });
    expect(softLock(state, 'failure', midnight).answer).toMatchObject({ retryAfterMs: 1_000, failures: 1 });
  });

  it('keeps a rest that reaches over midnight', () => {
    const { state } = softLock(failTimes(30).state, 'failure', midnight - 1);
    expect(softLock(state, 'try', midnight + 9_998).answer.kind).toBe('locked');
    expect(softLock(state, 'try', midnight + 9_999)).toEqual({ state: null, answer: { kind: 'open' } });
  });

  it('IA-61 a complete login or unlock forgets everything', () => {
    expect(softLock(failTimes(100).state, 'reset', morning)).toEqual({ state: null, answer: { kind: 'open' } });
  });

  it('a refused try counts nothing and prolongs nothing', () => {
    const { state } = failTimes(10);
    expect(softLock(state, 'try', state!.firstAt + 1).state).toMatchObject({ failures: 10 });
    expect(softLock(state, 'try', state!.lockedUntil - 1).state).toEqual(state);
  });

  it('failures of tries that were admitted side by side all count', () => {
    let state: SoftLock | null = null;
    for (let n = 0; n < 12; n++) ({ state } = softLock(state, 'failure', morning));
    expect(softLock(state, 'try', morning).answer).toEqual({ kind: 'locked', retryAfterMs: 5_000, failures: 12 });
  });

  it('a clock that is set back locks nobody until the old time comes again', () => {
    const { state } = failTimes(50);
    expect(softLock(state, 'try', morning - 400 * dayMs).answer).toEqual({ kind: 'open' });
    expect(softLock(state, 'failure', morning - 400 * dayMs).answer).toMatchObject({
      failures: 51,
      retryAfterMs: 10_000,
    });
  });

  const steps = fc.array(
    fc.record({
      event: fc.constantFrom('try', 'failure', 'failure', 'failure', 'reset'),
      forward: fc.oneof(fc.nat(12_000), fc.nat(3 * dayMs)),
    }),
    { maxLength: 250 },
  );

  it('IA-63 under a clock that only goes forward: nothing is admitted during a rest, and no day sees more than 100 tries', () => {
    fc.assert(
      fc.property(steps, (steps) => {
        let state: SoftLock | null = null;
        let now = morning;
        let restsUntil = -Infinity;
        const tries = new Map<number, number>();
        for (const { event, forward } of steps) {
          now += forward;
          if (event === 'reset') {
            ({ state } = softLock(state, 'reset', now));
            restsUntil = -Infinity;
            tries.clear();
            continue;
          }
          const asked = softLock(state, 'try', now);
          state = asked.state;
          expect(asked.answer.kind).toBe(now < restsUntil ? 'locked' : 'open');
          if (event !== 'failure' || asked.answer.kind === 'locked') continue;
          const failed = softLock(state, 'failure', now);
          state = failed.state;
          const day = Math.floor(now / dayMs);
          tries.set(day, (tries.get(day) ?? 0) + 1);
          expect(tries.get(day)).toBeLessThanOrEqual(100);
          expect(failed.answer).toMatchObject({ kind: 'locked', failures: tries.get(day) });
          restsUntil = now + restOf(tries.get(day) ?? 0, now);
        }
      }),
    );
  });

  it('IA-63 under a clock that jumps both ways: a rest never lasts beyond the longest of its number of failures', () => {
    const jumps = fc.array(
      fc.record({ event: fc.constantFrom('try', 'failure'), jump: fc.integer({ min: -2 * dayMs, max: 2 * dayMs }) }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(jumps, (jumps) => {
        let state: SoftLock | null = null;
        let now = morning;
        for (const { event, jump } of jumps) {
          now += jump;
          const step = softLock(state, event as 'try' | 'failure', now);
          state = step.state;
          if (step.answer.kind === 'locked') {
            expect(step.answer.retryAfterMs).toBeGreaterThan(0);
            expect(step.answer.retryAfterMs).toBeLessThanOrEqual(restOf(step.answer.failures, now));
          }
        }
      }),
    );
  });
});
