import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { MeasuredScenario, ScenarioResult } from './results.ts';
import { compareAll, figuresOf, ITSELF } from './statistics.ts';

/** The gate on what the scenario has timed itself, in ms, instead of a ratio. */
export const MS = 'ms';

const limit = z.strictObject({ gate: z.number().positive(), goal: z.number().positive() });
const schema = z.record(z.string(), z.record(z.string(), limit));

export type Limit = Readonly<z.output<typeof limit>>;

/**
 * By scenario and what it is compared with, what the median of what it counts may be at most: `gate` for a release, `goal` for
 * where it is to go. Ours ÷ the rival's, at every size; with `itself` ours at the largest size ÷ at the smallest; with `ms` the
 * figure itself, at every size.
 */
export type Gates = Readonly<Record<string, Readonly<Record<string, Limit>>>>;

/** One comparison that a release needs and this run does not give. */
export interface Shortfall {
  readonly scenario: string;
  readonly against: string;
  readonly gate: number;
  /** The median; null when there is none. */
  readonly found: number | null;
  readonly why: string;
}

export function readGates(file: string = join(import.meta.dirname, '../gates.json')): Gates {
  return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

/**
 * What falls behind among the named scenarios: a median above its gate, and as well a scenario without a result, whether it failed,
 * its rival is missing or was dropped, or there is no such scenario.
 */
export function shortfalls(gates: Gates, names: readonly string[], results: readonly ScenarioResult[]): Shortfall[] {
  return names.flatMap((scenario) => {
    const result = results.find(({ name }) => name === scenario);
    return Object.entries(gates[scenario] ?? {}).flatMap(([against, { gate }]): Shortfall[] => {
      const entry = { scenario, against, gate };
      if (result === undefined) return [{ ...entry, found: null, why: 'there is no such scenario' }];
      if (result.kind === 'failed') return [{ ...entry, found: null, why: result.why }];
      const found = worst(result, against);
      if (found === null) return [{ ...entry, found, why: whyAbsent(result, against) }];
      return found <= gate ? [] : [{ ...entry, found, why: 'more than the gate allows' }];
    });
  });
}

/** The figure that the gate is for, the largest where there are several sizes; null when the run does not have it. */
function worst(result: MeasuredScenario, against: string): number | null {
  const figures =
    against === MS
      ? result.contenders.filter(({ name }) => name === 'ours').map((ours) => figuresOf(result, ours).value / 1000)
      : compareAll(result)
          .filter((comparison) => comparison.against === against)
          .slice(against === ITSELF ? -1 : 0)
          .map(({ ratio }) => ratio.median);
  return figures.length === 0 ? null : Math.max(...figures);
}

function whyAbsent({ dropped }: MeasuredScenario, against: string): string {
  const failure = dropped.find(({ name }) => name === against);
  return failure === undefined ? `${against} is missing` : `${against} failed: ${failure.why}`;
}
