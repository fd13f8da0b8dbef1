/** A clock that stands still until it is moved. */
export type TestClock = {
  /** Milliseconds since the epoch. */
  now(): number;
  advance(ms: number): void;
};

/** 2026-01-05T10:00:00Z, in the middle of a UTC day and of a TOTP step. */
export const startOfTests = Date.UTC(2026, 0, 5, 10, 0, 15);

export function createTestClock(start: number = startOfTests): TestClock {
  let at = start;
  return {
    now: () => at,
    advance: (ms) => {
      at += ms;
    },
  };
}
