import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Round, Sample } from './model.ts';
import { compare, figures, spread } from './statistics.ts';

const sample = (units: number, cpuMs: number, elapsedMs = 1000): Sample => ({ units, cpuMs, elapsedMs });

describe('BE-1 statistics', () => {
  it.each([
    [[3], { median: 3, min: 3, max: 3 }],
    [[4, 1], { median: 2.5, min: 1, max: 4 }],
    [[9, 1, 5], { median: 5, min: 1, max: 9 }],
    [[4, 2, 3, 100], { median: 3.5, min: 2, max: 100 }],
  ])('spread of %j', (values, expected) => {
    expect(spread(values)).toEqual(expected);
  });

  it('has no spread of nothing', () => {
    expect(() => spread([])).toThrow('no values');
  });

  it('has as many values above the median as below, whatever their order', () => {
    const values = fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(values, (given) => {
        const { median, min, max } = spread(given);
        const half = given.length / 2;
        expect(given.filter((value) => value < median).length).toBeLessThanOrEqual(half);
        expect(given.filter((value) => value > median).length).toBeLessThanOrEqual(half);
        expect([min, max]).toEqual([Math.min(...given), Math.max(...given)]);
        expect(spread(given.toReversed())).toEqual({ median, min, max });
      }),
    );
  });

  it('compares with the rival of the same round, so that a slow moment of the machine weighs on both', () => {
    const rounds: Round[] = [
      { ours: sample(100, 10), nginx: sample(200, 10) },
      { ours: sample(100, 30), nginx: sample(200, 30) },
      { ours: sample(100, 20), nginx: sample(100, 20) },
    ];
    expect(compare(rounds, 'nginx')).toEqual({
      rival: 'nginx',
      cpu: { median: 2, min: 1, max: 2 },
      throughput: { median: 0.5, min: 0.5, max: 1 },
      ours: { cpuUsPerUnit: 200, unitsPerSecond: 100 },
      theirs: { cpuUsPerUnit: 150, unitsPerSecond: 200 },
    });
  });

  it('compares with no rival that did not take part', () => {
    expect(compare([{ ours: sample(1, 1) }], 'caddy')).toBeNull();
  });

  it('counts CPU time in µs a unit and units by the time that the load took', () => {
    expect(figures([sample(500, 25, 2000)])).toEqual({ cpuUsPerUnit: 50, unitsPerSecond: 250 });
  });
});
