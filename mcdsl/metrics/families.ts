import type { MetricKind } from './naming.ts';

/** One family of metrics: its names are checked when it is defined. */
export type FamilyDefinition<Label extends string = string> = {
  readonly kind: MetricKind;
  readonly name: string;
  readonly help: string;
  /** The closed set of labels: each sample has exactly these. */
  readonly labels: readonly Label[];
  /** Upper bounds of a histogram's buckets, rising, without +Inf. */
  readonly buckets?: readonly number[];
  /** How many series the family may have; 1000 when left out. What is above it is counted and left out. */
  readonly maxSeries?: number;
};

export type Labels<Label extends string = string> = Readonly<Record<Label, string>>;

/** A counter's or gauge's value, already summed over the workers. */
export type ValueSample = { readonly labels: Labels; readonly value: number };

/**
 * A histogram's state, already summed over the workers. `bucketCounts[i]` is how many observations fell into bucket i
 * alone (not cumulative); it has one entry more than the family's `buckets`, the last for what is above them all.
 */
export type HistogramSample = {
  readonly labels: Labels;
  readonly bucketCounts: readonly number[];
  readonly sum: number;
  readonly count: number;
};

export type FamilySamples =
  | { readonly kind: 'counter' | 'gauge'; readonly samples: readonly ValueSample[] }
  | { readonly kind: 'histogram'; readonly samples: readonly HistogramSample[] };

/** What a family shows at one scrape, and how many samples were refused (labels or shape wrong, too many, repeated). */
export type RenderedFamily = { readonly lines: readonly RenderedLine[]; readonly refused: number };

export type RenderedLine = { readonly metricName: string; readonly labels: Labels; readonly value: number };

export const defaultMaxSeries = 1000;

/** Checks samples against their family and lays them out as Prometheus has them: buckets cumulative, then sum and count. */
export function renderFamily(family: FamilyDefinition, given: FamilySamples): RenderedFamily {
  const { samples } = given;
  if (given.kind !== family.kind) return { lines: [], refused: samples.length };
  const lines: RenderedLine[] = [];
  const seen = new Set<string>();
  let refused = 0;
  const max = family.maxSeries ?? defaultMaxSeries;
  for (const sample of samples) {
    const key = seriesKey(family.labels, sample.labels);
    if (key === null || seen.has(key) || seen.size >= max) {
      refused++;
      continue;
    }
    const more = 'value' in sample ? valueLine(family, sample) : histogramLines(family, sample);
    if (more === null) {
      refused++;
      continue;
    }
    seen.add(key);
    lines.push(...more);
  }
  return { lines, refused };
}

/** Identifies a series within its family, or null when the labels are not exactly the family's. */
export function seriesKey(names: readonly string[], labels: Readonly<Record<string, string>>): string | null {
  if (Object.keys(labels).length !== names.length) return null;
  const values: string[] = [];
  for (const name of names) {
    const value = Object.hasOwn(labels, name) ? labels[name] : undefined;
    if (typeof value !== 'string') return null;
    values.push(value);
  }
  return values.join('\u0000');
}

function valueLine(family: FamilyDefinition, { labels, value }: ValueSample): RenderedLine[] | null {
  if (!Number.isFinite(value) || (family.kind === 'counter' && value < 0)) return null;
  return [{ metricName: family.name, labels, value }];
}

function histogramLines(family: FamilyDefinition, sample: HistogramSample): RenderedLine[] | null {
  const { labels, bucketCounts, sum, count } = sample;
  const bounds = family.buckets ?? [];
  if (bucketCounts.length !== bounds.length + 1 || !Number.isFinite(sum)) return null;
  const lines: RenderedLine[] = [];
  let cumulative = 0;
  for (const [i, inBucket] of bucketCounts.entries()) {
    if (!Number.isSafeInteger(inBucket) || inBucket < 0) return null;
    cumulative += inBucket;
    const bound = bounds[i];
    const le = bound === undefined ? '+Inf' : String(bound);
    lines.push({ metricName: `${family.name}_bucket`, labels: { ...labels, le }, value: cumulative });
  }
  if (cumulative !== count) return null;
  lines.push({ metricName: `${family.name}_sum`, labels, value: sum });
  lines.push({ metricName: `${family.name}_count`, labels, value: count });
  return lines;
}
