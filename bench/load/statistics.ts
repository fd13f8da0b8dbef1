import type { RivalName, Round, Sample } from './model.ts';

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Ours beside one rival over the rounds of one run. A ratio is ours ÷ the rival's in the same round. */
export interface Comparison {
  readonly rival: RivalName;
  /** CPU time per unit: below 1 is cheaper than the rival. */
  readonly cpu: Spread;
  /** Units per second: above 1 is faster than the rival. */
  readonly throughput: Spread;
  readonly ours: Figures;
  readonly theirs: Figures;
}

/** Medians of one server. They hold for this run on this machine and are compared with nothing outside it. */
export interface Figures {
  readonly cpuUsPerUnit: number;
  readonly unitsPerSecond: number;
}

/** @throws when there is no value */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  const middle = sorted.slice(Math.ceil(half) - 1, Math.floor(half) + 1);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) throw new RangeError('no values to take a median of');
  return { median: middle.reduce((sum, value) => sum + value, 0) / middle.length, min, max };
}

/** Null when the rival did not take part. */
export function compare(rounds: readonly Round[], rival: RivalName): Comparison | null {
  const pairs = rounds.flatMap((round) => {
    const theirs = round[rival];
    return theirs === undefined ? [] : [{ ours: round.ours, theirs }];
  });
  if (pairs.length === 0) return null;
  return {
    rival,
    cpu: spread(pairs.map(({ ours, theirs }) => cpuUsPerUnit(ours) / cpuUsPerUnit(theirs))),
    throughput: spread(pairs.map(({ ours, theirs }) => unitsPerSecond(ours) / unitsPerSecond(theirs))),
    ours: figures(pairs.map(({ ours }) => ours)),
    theirs: figures(pairs.map(({ theirs }) => theirs)),
  };
}

export function figures(samples: readonly Sample[]): Figures {
  return {
    cpuUsPerUnit: spread(samples.map(cpuUsPerUnit)).median,
    unitsPerSecond: spread(samples.map(unitsPerSecond)).median,
  };
}

function cpuUsPerUnit({ cpuMs, units }: Sample): number {
  return (cpuMs * 1000) / units;
}

function unitsPerSecond({ units, elapsedMs }: Sample): number {
  return (units * 1000) / elapsedMs;
}
