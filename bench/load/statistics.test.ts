import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareAll, figuresOf, spread } from './statistics.ts';
import { contender, measured, sample } from './test/results.ts';

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
    const rounds = [
      { ours: sample(10), nginx: sample(10, { units: 200 }) },
      { ours: sample(30), nginx: sample(30, { units: 200 }) },
      { ours: sample(20), nginx: sample(20) },
    ];
    expect(compareAll(measured(rounds))).toEqual([
      {
        against: 'nginx',
        size: 0,
        ratio: { median: 2, min: 1, max: 2 },
        throughput: { median: 0.5, min: 0.5, max: 1 },
        ours: { value: 200, unitsPerSecond: 100 },
        theirs: { value: 150, unitsPerSecond: 200 },
      },
    ]);
  });

  it('compares with no rival that did not take part', () => {
    expect(compareAll(measured([{ ours: sample(1) }]))).toEqual([]);
  });

  it('counts CPU time in µs a unit and units by the time that the load took', () => {
    const result = measured([{ ours: sample(25, { units: 500, elapsedMs: 2000 }) }]);
    expect(figuresOf(result, contender('ours'))).toEqual({ value: 50, unitsPerSecond: 250 });
  });
});

describe('BE-6 scales', () => {
  it('compare with the rival of the same size, and with itself at the smallest', () => {
    const round = { 'ours@10': sample(10), 'nginx@10': sample(5), 'ours@1000': sample(12), 'nginx@1000': sample(8) };
    const found = compareAll(measured([round])).map(({ against, size, ratio }) => [against, size, ratio.median]);
    expect(found).toEqual([
      ['nginx', 10, 2],
      ['nginx', 1000, 1.5],
      ['itself', 1000, 1.2],
    ]);
  });
});

describe('BE-7 memory', () => {
  it('is scaled from what is held open to what was asked for', () => {
    const idleBytes = 1000;
    const ours = contender('ours', 0, { idleBytes });
    const result = measured([{ ours: sample(1, { units: 50, memoryBytes: 1500 }) }], {
      metric: 'memory',
      memoryAt: 100,
      contenders: [ours],
    });
    expect(figuresOf(result, ours).value).toBe(1000 + 10 * 100);
  });
});

describe('latency', () => {
  it('is what a server adds to that of the backend in the same round', () => {
    const us = (timedUs: number) => sample(1, { timedUs });
    const rounds = [
      { direct: us(100), ours: us(300), haproxy: us(200) },
      { direct: us(100), ours: us(250), haproxy: us(90) },
    ];
    const [comparison] = compareAll(measured(rounds, { metric: 'latency' }));
    // A server that seems to add nothing adds the least that can be told.
    expect(comparison).toMatchObject({ against: 'haproxy', ratio: { min: 2, max: 150 } });
  });

  it('needs a load that has timed it', () => {
    const rounds = [{ direct: sample(1), ours: sample(1), haproxy: sample(1) }];
    expect(() => compareAll(measured(rounds, { metric: 'latency' }))).toThrow('timed nothing');
  });
});
