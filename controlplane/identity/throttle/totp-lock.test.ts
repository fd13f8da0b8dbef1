import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { maxWrongCodes, noTotpFailures, totpLock } from './totp-lock.ts';

describe('TOTP lock', () => {
  it('IA-18 three wrong codes refuse further ones until the step ends', () => {
    let state = noTotpFailures;
    for (let n = 1; n <= 3; n++) {
      expect(totpLock(state, 'try', 70).locked).toBe(false);
      ({ state } = totpLock(state, 'failure', 70));
    }
    expect(totpLock(state, 'try', 70).locked).toBe(true);
    expect(totpLock(state, 'try', 71).locked).toBe(false);
  });

  it('IA-63 admits at most three failures a step, whatever the clock does', () => {
    const events = fc.array(fc.record({ fails: fc.boolean(), step: fc.integer({ min: 1, max: 5 }) }), {
      maxLength: 100,
    });
    fc.assert(
      fc.property(events, (events) => {
        let state = noTotpFailures;
        let step = 0;
        let wrong = 0;
        for (const event of events) {
          if (event.step !== step) wrong = 0;
          step = event.step;
          const asked = totpLock(state, 'try', step);
          if (event.fails && !asked.locked) {
            ({ state } = totpLock(state, 'failure', step));
            wrong++;
          }
          expect(wrong).toBeLessThanOrEqual(maxWrongCodes);
        }
      }),
    );
  });
});
