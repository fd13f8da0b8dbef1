import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRateLimiter, createRateTable, type RateLimiter } from './rate-limiter.ts';

const WINDOW_MS = 7000;

interface Fixture {
  readonly limiter: RateLimiter;
  nowMs: number;
  take(key: number, limit: number, windowMs?: number): boolean;
}

function fixture(entries = 8): Fixture {
  const self: Fixture = {
    limiter: createRateLimiter(createRateTable(entries), () => self.nowMs),
    nowMs: 1_000_000,
    take: (key, limit, windowMs = WINDOW_MS) => self.limiter.take(0, 0, 0xffff, key, limit, windowMs),
  };
  return self;
}

function takeTimes(table: Fixture, times: number, key: number, limit: number): number {
  let admitted = 0;
  for (let i = 0; i < times; i++) if (table.take(key, limit)) admitted++;
  return admitted;
}

describe('PX-12 the rate limiter', () => {
  it('admits the limit, refuses what exceeds it, and admits again exactly one window after a burst', () => {
    const table = fixture();
    expect(takeTimes(table, 25, 1, 20)).toBe(20);
    table.nowMs += WINDOW_MS - 1;
    expect(takeTimes(table, 5, 1, 20)).toBe(0);
    table.nowMs += 1;
    expect(takeTimes(table, 25, 1, 20)).toBe(20);
  });

  it('slides: at no boundary of the clock does a client get twice the limit', () => {
    const table = fixture();
    let admitted = 0;
    for (let ms = 0; ms < WINDOW_MS * 2; ms += 10) {
      table.nowMs = 1_000_000 + ms;
      if (ms >= WINDOW_MS - 500 && ms < WINDOW_MS + 500) admitted += takeTimes(table, 3, 1, 50);
    }
    expect(admitted).toBe(50);
  });

  it('keeps keys apart', () => {
    const table = fixture();
    expect(takeTimes(table, 10, 1, 3)).toBe(3);
    expect(takeTimes(table, 10, 2, 3)).toBe(3);
    expect(table.limiter.used(0, 0, 0xffff, 1, WINDOW_MS)).toBe(3);
    expect(table.limiter.used(1, 0, 0xffff, 1, WINDOW_MS)).toBe(0);
    expect(table.limiter.used(0, 0, 0xffff, 3, WINDOW_MS)).toBe(0);
  });

  it('peeking neither counts nor makes a record', () => {
    const table = fixture();
    for (let i = 0; i < 10; i++) expect(table.limiter.used(0, 0, 0xffff, 1, WINDOW_MS)).toBe(0);
    expect(table.limiter.stats().occupied).toBe(0);
  });

  it('never admits more than the limit in any window, and never refuses who stays below it in 8/7 of one', () => {
    const gaps = fc.array(fc.oneof(fc.nat(50), fc.nat(1500), fc.nat(9000)), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 12 }), (gaps, limit) => {
        const table = fixture();
        const admitted: number[] = [];
        for (const gap of gaps) {
          table.nowMs += gap;
          const now = table.nowMs;
          const within = (ms: number): number => admitted.filter((time) => now - time < ms).length;
          const verdict = table.take(1, limit);
          if (verdict) {
            expect(within(WINDOW_MS)).toBeLessThan(limit);
            admitted.push(now);
          } else {
            expect(within((WINDOW_MS * 8) / 7)).toBeGreaterThanOrEqual(limit);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('never admits more than the limit while limit and window change, and keeps what it counted', () => {
    const hit = fc.record({
      gap: fc.oneof(fc.nat(50), fc.nat(3000)),
      limit: fc.integer({ min: 1, max: 12 }),
      windowMs: fc.constantFrom(700, 7000, 14_000),
    });
    fc.assert(
      fc.property(fc.array(hit, { maxLength: 300 }), (hits) => {
        const table = fixture();
        const admitted: number[] = [];
        // A hit that was forgotten while the window was shorter stays forgotten when it is made longer again.
        let shortestSince: { time: number; windowMs: number }[] = [];
        for (const { gap, limit, windowMs } of hits) {
          table.nowMs += gap;
          const now = table.nowMs;
          shortestSince = [...shortestSince, { time: now, windowMs }];
          const remembered = admitted.filter(
            (time) =>
              now - time < windowMs &&
              shortestSince.every((past) => past.time < time || past.time - time < past.windowMs),
          );
          if (!table.take(1, limit, windowMs)) continue;
          expect(remembered.length).toBeLessThan(limit);
          admitted.push(now);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('takes over records past their window, then evicts the one that was seen longest ago and counts it', () => {
    const table = fixture(8);
    for (let key = 0; key < 8; key++) {
      expect(takeTimes(table, 2, key, 1)).toBe(1);
      table.nowMs += 10;
    }
    expect(table.limiter.stats()).toEqual({ capacity: 8, occupied: 8, evictions: 0, locksBroken: 0 });
    // Key 0 hammers on and is refused: it is the oldest record, but not the coldest.
    expect(table.take(0, 1)).toBe(false);
    expect(table.take(100, 1)).toBe(true);
    expect(table.limiter.stats()).toMatchObject({ occupied: 8, evictions: 1 });
    expect(table.take(0, 1)).toBe(false);
    expect(table.limiter.used(0, 0, 0xffff, 1, WINDOW_MS)).toBe(0);
    table.nowMs += WINDOW_MS;
    expect(table.take(200, 1)).toBe(true);
    expect(table.limiter.stats()).toMatchObject({ occupied: 8, evictions: 1 });
  });

  it('is bounded: more keys than entries cost evictions and nothing else', () => {
    const table = fixture(64);
    for (let key = 0; key < 10_000; key++) expect(table.take(key, 1)).toBe(true);
    const { capacity, occupied, evictions } = table.limiter.stats();
    expect(capacity).toBe(64);
    expect(occupied).toBeLessThanOrEqual(64);
    expect(evictions).toBe(10_000 - occupied);
  });

  it('one clock runs for all readers of a table, and starts from it at once', () => {
    const buffer = createRateTable(8);
    const first = createRateLimiter(buffer);
    const second = createRateLimiter(buffer);
    expect(first.take(0, 0, 0, 1, 2, 3_600_000)).toBe(true);
    expect(second.take(0, 0, 0, 1, 2, 3_600_000)).toBe(true);
    expect(first.take(0, 0, 0, 1, 2, 3_600_000)).toBe(false);
    expect(second.used(0, 0, 0, 1, 3_600_000)).toBe(2);
  });

  it.each([0, 4, 7, 12, 65_535, 1.5, -8, NaN])('refuses a table of %d entries', (entries) => {
    expect(() => createRateTable(entries)).toThrow(RangeError);
  });
});
