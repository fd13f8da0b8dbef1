import { COUNTERS, HISTOGRAMS, type CounterName, type HistogramName } from './families.ts';

/** What one worker counted since it started; structured-cloneable. Keys of the maps are label values joined by LABEL_SEPARATOR. */
export interface TallySnapshot {
  readonly counters: Readonly<Record<CounterName, ReadonlyMap<string, number>>>;
  readonly histograms: Readonly<Record<HistogramName, ReadonlyMap<string, HistogramCells>>>;
}

export interface HistogramCells {
  /** Not cumulative; one more than the family has bounds. */
  readonly counts: number[];
  sum: number;
}

export const LABEL_SEPARATOR = '\u0000';

/** Label sets a family may hold; further ones are counted under `OVERFLOW` in every label, so that no client grows the memory. */
export const MAX_LABEL_SETS = 20_000;
export const OVERFLOW = '_other';

/** Numbers of one thread. An increment costs one Map read and write; nothing is shared or locked. */
export class Tally {
  readonly #counters = emptyFamilies<CounterName, number>(COUNTERS);
  readonly #histograms = emptyFamilies<HistogramName, HistogramCells>(HISTOGRAMS);

  add(name: CounterName, key: string, amount = 1): void {
    const cells = this.#counters[name];
    const bounded = cells.size < MAX_LABEL_SETS || cells.has(key) ? key : overflowKey(COUNTERS[name].labels.length);
    cells.set(bounded, (cells.get(bounded) ?? 0) + amount);
  }

  observe(name: HistogramName, key: string, value: number): void {
    const { buckets } = HISTOGRAMS[name];
    const families = this.#histograms[name];
    let cells = families.get(key);
    if (!cells) families.set(key, (cells = { counts: Array<number>(buckets.length + 1).fill(0), sum: 0 }));
    const bound = buckets.findIndex((upper) => value <= upper);
    const index = bound === -1 ? buckets.length : bound;
    cells.counts[index] = (cells.counts[index] ?? 0) + 1;
    cells.sum += value;
  }

  /** Adds what another thread counted. */
  merge(other: TallySnapshot): void {
    for (const name of keysOf(COUNTERS)) for (const [key, value] of other.counters[name]) this.add(name, key, value);
    for (const name of keysOf(HISTOGRAMS)) {
      for (const [key, cells] of other.histograms[name]) {
        const own = this.#histograms[name].get(key);
        if (!own) this.#histograms[name].set(key, { counts: [...cells.counts], sum: cells.sum });
        else {
          cells.counts.forEach((count, index) => (own.counts[index] = (own.counts[index] ?? 0) + count));
          own.sum += cells.sum;
        }
      }
    }
  }

  /** The live maps: postMessage clones them, and the main thread only reads them before the next turn. */
  snapshot(): TallySnapshot {
    return { counters: this.#counters, histograms: this.#histograms };
  }
}

function emptyFamilies<Name extends string, Cell>(families: Record<Name, unknown>): Record<Name, Map<string, Cell>> {
  return Object.fromEntries(Object.keys(families).map((name) => [name, new Map()])) as Record<Name, Map<string, Cell>>;
}

export function keysOf<Name extends string>(record: Record<Name, unknown>): Name[] {
  return Object.keys(record) as Name[];
}

function overflowKey(labels: number): string {
  return Array<string>(labels).fill(OVERFLOW).join(LABEL_SEPARATOR);
}
