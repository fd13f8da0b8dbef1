import type { Metric } from './model.ts';
import { contenderId, type ContenderResult, type MeasuredScenario, type Round, type Sample } from './results.ts';

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** What ours is compared with beside rivals: itself at the smallest size of the scale. */
export const ITSELF = 'itself';

/** Ours beside one other over the rounds of one run. A ratio is ours ÷ the other's in the same round. */
export interface Comparison {
  /** A rival, or `ITSELF`. */
  readonly against: string;
  /** Of ours; 0 without a scale. */
  readonly size: number;
  /** Of what the scenario counts: below 1 is better than the rival. */
  readonly ratio: Spread;
  /** Units per second: above 1 is faster than the rival. */
  readonly throughput: Spread;
  readonly ours: Figures;
  readonly theirs: Figures;
}

/** Medians of one server. They hold for this run on this machine and are compared with nothing outside it. */
export interface Figures {
  /** What the scenario counts: µs per unit, bytes, or µs. */
  readonly value: number;
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

/** Ours beside each rival at each size, then ours at each further size beside itself at the first. */
export function compareAll(result: MeasuredScenario): Comparison[] {
  const ours = result.contenders.filter(({ name }) => name === 'ours');
  const rivals = result.contenders.filter(({ name }) => name !== 'ours' && name !== 'direct');
  const [first] = ours;
  return [
    ...ours.flatMap((our) =>
      rivals.filter(({ size }) => size === our.size).map((rival) => compare(result, our, rival, rival.name)),
    ),
    ...ours.flatMap((our) => (first === undefined || our === first ? [] : [compare(result, our, first, ITSELF)])),
  ];
}

/** Medians of each contender that is compared. */
export function figuresOf(result: MeasuredScenario, contender: ContenderResult): Figures {
  const samples = result.rounds.map((round) => ({ round, sample: sampleOf(round, contender.id) }));
  return {
    value: spread(samples.map(({ round, sample }) => valueOf(result, contender, round, sample))).median,
    unitsPerSecond: spread(samples.map(({ sample }) => unitsPerSecond(sample))).median,
  };
}

/** What the scenario counts, of each round. */
export function valuesOf(result: MeasuredScenario, contender: ContenderResult): number[] {
  return result.rounds.map((round) => valueOf(result, contender, round, sampleOf(round, contender.id)));
}

export function cpuUsPerUnit({ cpuMs, units }: Sample): number {
  return (cpuMs * 1000) / units;
}

export function unitsPerSecond({ units, elapsedMs }: Sample): number {
  return (units * 1000) / elapsedMs;
}

/** Of resident memory, what a unit that is held open takes. */
export function bytesPerUnit(contender: ContenderResult, sample: Sample): number {
  return (sample.memoryBytes - contender.idleBytes) / sample.units;
}

/** A server that adds nothing measurable adds one µs: the resolution of the load tools. */
const LEAST_ADDED_US = 1;

function valueOf(result: MeasuredScenario, contender: ContenderResult, round: Round, sample: Sample): number {
  const metrics: Readonly<Record<Metric, () => number>> = {
    cpu: () => cpuUsPerUnit(sample),
    memory: () => contender.idleBytes + bytesPerUnit(contender, sample) * (result.memoryAt ?? sample.units),
    latency() {
      const direct = timedUs(sampleOf(round, contenderId('direct', contender.size)));
      return Math.max(timedUs(sample) - direct, LEAST_ADDED_US);
    },
    time: () => timedUs(sample),
  };
  return metrics[result.metric]();
}

function compare(result: MeasuredScenario, our: ContenderResult, their: ContenderResult, against: string): Comparison {
  const [ours, theirs] = [valuesOf(result, our), valuesOf(result, their)];
  const rate = (round: Round, { id }: ContenderResult): number => unitsPerSecond(sampleOf(round, id));
  return {
    against,
    size: our.size,
    ratio: spread(ours.map((value, index) => value / (theirs[index] ?? Number.NaN))),
    throughput: spread(result.rounds.map((round) => rate(round, our) / rate(round, their))),
    ours: figuresOf(result, our),
    theirs: figuresOf(result, their),
  };
}

function sampleOf(round: Round, id: string): Sample {
  const sample = round[id];
  if (sample === undefined) throw new Error(`a round has no sample of ${id}`);
  return sample;
}

function timedUs({ timedUs }: Sample): number {
  if (timedUs === null) throw new Error('the load has timed nothing');
  return timedUs;
}
