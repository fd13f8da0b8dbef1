import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { createAddressBuckets } from './address-buckets.ts';
import { addressKey } from './address-key.ts';
import { takeToken, type Bucket } from './token-bucket.ts';

const rate = { perMinute: 30, burst: 10 };
const start = Date.UTC(2026, 0, 5, 10);

describe('token bucket', () => {
  it('IA-63 gives the burst at once, then one every two seconds, and says when', () => {
    let state: Bucket | null = null;
    const take = (now: number) => {
      const step = takeToken(state, rate, now);
      state = step.state;
      return step.answer;
    };
    for (let n = 0; n < 10; n++) expect(take(start)).toEqual({ kind: 'taken' });
    expect(take(start)).toEqual({ kind: 'empty', retryAfterMs: 2_000 });
    expect(take(start + 1_999)).toEqual({ kind: 'empty', retryAfterMs: 1 });
    expect(take(start + 2_000)).toEqual({ kind: 'taken' });
    expect(take(start + 2_000)).toMatchObject({ kind: 'empty' });
  });

  it('IA-63 never gives more than burst + rate × time in any stretch, under clocks that jump both ways', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5_000, max: 20_000 }), { maxLength: 300 }), (jumps) => {
        let state: Bucket | null = null;
        let now = start;
        let forwardMs = 0;
        let taken = 0;
        for (const jump of jumps) {
          now += jump;
          forwardMs += Math.max(0, jump);
          const step = takeToken(state, rate, now);
          state = step.state;
          if (step.answer.kind === 'taken') taken++;
          else expect(takeToken(state, rate, now + step.answer.retryAfterMs).answer).toEqual({ kind: 'taken' });
          expect(state.tokens).toBeGreaterThanOrEqual(0);
          expect(taken).toBeLessThanOrEqual(rate.burst + (forwardMs * rate.perMinute) / 60_000 + 1e-6);
        }
      }),
    );
  });
});

describe('key of an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['', 'unknown'],
    ['nonsense', 'unknown'],
    ['192.0.2.01', 'unknown'],
  ])('%s counts as %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });

  it('is one for the whole /64 and another for the next', () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.nat(0xffff), (address, last) => {
        const key = addressKey(address);
        fc.pre(key.endsWith('::/64'));
        const [a, b, c, d] = key.slice(0, -5).split(':');
        expect(addressKey(`${a}:${b}:${c}:${d}:1:2:3:${last.toString(16)}`)).toBe(key);
        const next = ((Number.parseInt(d ?? '0', 16) + 1) & 0xffff).toString(16);
        expect(addressKey(`${a}:${b}:${c}:${next}:1:2:3:4`)).not.toBe(key);
      }),
    );
  });
});

describe('buckets of addresses', () => {
  it('IA-64 count addresses of one /64 together and others apart', () => {
    const buckets = createAddressBuckets({ perMinute: 30, burst: 2 });
    expect(buckets.take('2001:db8::1', start).kind).toBe('taken');
    expect(buckets.take('2001:db8::2', start).kind).toBe('taken');
    expect(buckets.take('2001:db8::3', start).kind).toBe('empty');
    expect(buckets.take('2001:db8:0:1::3', start).kind).toBe('taken');
    expect(buckets.take('192.0.2.1', start).kind).toBe('taken');
  });

  it('IA-65 hold a bounded number; the address that tried longest ago leaves, one that keeps trying stays refused', () => {
    const buckets = createAddressBuckets({ perMinute: 1, burst: 1 }, 100);
    expect(buckets.take('192.0.2.1', start).kind).toBe('taken');
    for (let n = 0; n < 1_000; n++) {
      expect(buckets.take(`198.51.${n >> 8}.${n & 255}`, start + n).kind).toBe('taken');
      if (n % 50 === 0) expect(buckets.take('192.0.2.1', start + n).kind).toBe('empty');
    }
    expect(buckets.stats()).toEqual({ size: 100, capacity: 100, evictions: 901 });
    expect(buckets.take('198.51.0.1', start + 1_000).kind).toBe('taken');
  });

  it('take a new rate at once', () => {
    const buckets = createAddressBuckets({ perMinute: 30, burst: 1 });
    buckets.take('192.0.2.1', start);
    buckets.setRate({ perMinute: 60, burst: 1 });
    expect(buckets.take('192.0.2.1', start)).toEqual({ kind: 'empty', retryAfterMs: 1_000 });
  });
});
