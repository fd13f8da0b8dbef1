import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { RIVALS, type ScenarioResult } from './model.ts';
import { compare } from './statistics.ts';

const limit = z.strictObject({ gate: z.number().positive(), goal: z.number().positive() });
const schema = z.record(z.string(), z.partialRecord(z.enum(RIVALS), z.strictObject({ cpu: limit })));

/**
 * By scenario and rival, what the median ratio of CPU time per unit (ours ÷ the rival's) may be at most: `gate` for a release,
 * `goal` for where it is to go.
 */
export type Gates = Readonly<z.output<typeof schema>>;

/** One comparison that a release needs and this run does not give. */
export interface Shortfall {
  readonly scenario: string;
  readonly rival: string;
  readonly gate: number;
  /** The median ratio; null when there is none. */
  readonly found: number | null;
  readonly why: string;
}

export function readGates(file: string = join(import.meta.dirname, '../gates.json')): Gates {
  return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

/**
 * What falls behind among the named scenarios: a median above its gate, and as well a scenario without a result, whether it failed,
 * its rival is missing, or there is no such scenario.
 */
export function shortfalls(gates: Gates, names: readonly string[], results: readonly ScenarioResult[]): Shortfall[] {
  return names.flatMap((scenario) => {
    const result = results.find(({ name }) => name === scenario);
    return RIVALS.flatMap((rival): Shortfall[] => {
      const gate = gates[scenario]?.[rival]?.cpu.gate;
      if (gate === undefined) return [];
      const entry = { scenario, rival, gate };
      if (result === undefined) return [{ ...entry, found: null, why: 'there is no such scenario' }];
      if (result.kind === 'failed') return [{ ...entry, found: null, why: result.why }];
      const comparison = compare(result.rounds, rival);
      if (comparison === null) return [{ ...entry, found: null, why: `${rival} is missing` }];
      const found = comparison.cpu.median;
      return found <= gate ? [] : [{ ...entry, found, why: 'more CPU time per unit than the gate allows' }];
    });
  });
}
