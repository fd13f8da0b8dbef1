import { MS, type Gates, type Limit } from '../gate.ts';
import type { MeasuredScenario, ScenarioResult } from '../results.ts';
import { bytesPerUnit, compareAll, figuresOf, ITSELF, type Comparison, type Figures } from '../statistics.ts';

/** A line of the report: ours beside one other, or ours alone when no rival took part. */
export interface Line {
  readonly result: MeasuredScenario;
  readonly size: number;
  readonly comparison: Comparison | null;
  readonly ours: Figures;
  readonly limit: Limit | null;
}

/** Memory of one server in a scenario (BE-7). */
export interface MemoryLine {
  readonly result: MeasuredScenario;
  readonly server: string;
  readonly size: number;
  readonly idleBytes: number;
  /** The most in any round. */
  readonly loadedBytes: number;
  readonly afterBytes: number;
  /** What one connection or route takes, where the scenario tells; null elsewhere. */
  readonly perUnit: { readonly bytes: number; readonly what: string } | null;
}

export function linesOf(results: readonly ScenarioResult[], gates: Gates): Line[] {
  return measured(results).flatMap((result) => {
    const limits = gates[result.name] ?? {};
    const comparisons = compareAll(result);
    const ours = result.contenders.filter(({ name }) => name === 'ours');
    const largest = ours.at(-1)?.size ?? 0;
    const alone = ours
      .filter(({ size }) => !comparisons.some((one) => one.size === size && one.against !== ITSELF))
      .map((our): Line => ({
        result,
        size: our.size,
        comparison: null,
        ours: figuresOf(result, our),
        limit: limits[MS] ?? null,
      }));
    const beside = comparisons.map((comparison): Line => {
      const { against, size } = comparison;
      // What `itself` is gated at is the largest size.
      const limit = against === ITSELF && size !== largest ? null : (limits[against] ?? null);
      return { result, size, comparison, ours: comparison.ours, limit };
    });
    return [...alone, ...beside];
  });
}

export function memoryLinesOf(results: readonly ScenarioResult[]): MemoryLine[] {
  return measured(results).flatMap((result) =>
    result.contenders
      .filter(({ name }) => name !== 'direct')
      .map(({ id, name, size, idleBytes, afterBytes }): MemoryLine => {
        const loadedBytes = loadedOf(result, id);
        return { result, server: name, size, idleBytes, loadedBytes, afterBytes, perUnit: perUnitOf(result, id) };
      }),
  );
}

export function measured(results: readonly ScenarioResult[]): MeasuredScenario[] {
  return results.filter((result) => result.kind === 'measured');
}

function loadedOf({ rounds }: MeasuredScenario, id: string): number {
  return Math.max(...rounds.map((round) => round[id]?.memoryBytes ?? 0));
}

/** Of what is held open, from the last round; of a scale, between its smallest and its largest size. */
function perUnitOf(result: MeasuredScenario, id: string): MemoryLine['perUnit'] {
  const { contenders, metric, unit, scale } = result;
  const contender = contenders.find((one) => one.id === id);
  const sample = result.rounds.at(-1)?.[id];
  if (contender === undefined || sample === undefined) return null;
  if (metric === 'memory') return { bytes: bytesPerUnit(contender, sample), what: unit };
  const first = contenders.find(({ name }) => name === contender.name);
  if (scale === null || first === undefined || contender.size !== scale.sizes.at(-1)) return null;
  const memory = (one: typeof contender): number =>
    scale.memory === 'idle' ? one.idleBytes : loadedOf(result, one.id);
  return { bytes: (memory(contender) - memory(first)) / (contender.size - first.size), what: scale.one };
}
