import type { Metric, Scale } from './model.ts';

/** One server under load once. */
export interface Sample {
  readonly units: number;
  readonly elapsedMs: number;
  /** User and system time of the server's whole process tree. */
  readonly cpuMs: number;
  /** Resident memory of the tree while the load was on. */
  readonly memoryBytes: number;
  readonly timedUs: number | null;
}

/** By contender: one turn of all servers, one after the other. */
export type Round = Readonly<Record<string, Sample>>;

/** Who took part: `ours`, a rival, or `direct`, the backend itself; at one size of a scale. */
export interface Contender {
  readonly id: string;
  readonly name: string;
  /** 0 where the scenario has no scale. */
  readonly size: number;
}

export interface ContenderResult extends Contender {
  /** Resident memory before any load, and after all of them. */
  readonly idleBytes: number;
  readonly afterBytes: number;
}

export interface ResultHead {
  readonly name: string;
  readonly about: string;
  readonly unit: string;
  readonly metric: Metric;
  readonly memoryAt: number | null;
  readonly scale: Scale | null;
  readonly backend: string | null;
  /** Rivals that the scenario wants and the machine lacks. */
  readonly missing: readonly string[];
}

export interface MeasuredScenario extends ResultHead {
  readonly kind: 'measured';
  /** What moves our bytes, as our server says: native or portable. */
  readonly engine: string;
  /** Ours first, then rivals as the scenario names them. */
  readonly contenders: readonly ContenderResult[];
  readonly rounds: readonly Round[];
  /** Rivals that gave wrong answers or errors, and take no part. */
  readonly dropped: readonly { readonly name: string; readonly why: string }[];
}

/** Nothing came out: a part is missing, an answer of ours was wrong, a round of ours had errors. */
export interface FailedScenario extends ResultHead {
  readonly kind: 'failed';
  readonly why: string;
}

export type ScenarioResult = MeasuredScenario | FailedScenario;

export interface RunSettings {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly workers: number;
  /** `portable`: ours runs without its native core. */
  readonly engine: 'native' | 'portable';
}

export function contenderId(name: string, size: number): string {
  return size === 0 ? name : `${name}@${size}`;
}
