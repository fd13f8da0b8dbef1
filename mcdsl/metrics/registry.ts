import {
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry as PromRegistry,
} from 'prom-client';
import type { Metric, MetricObjectWithValues, MetricValue } from 'prom-client';

import { defaultMaxSeries, renderFamily, seriesKey } from './families.ts';
import type { FamilyDefinition, FamilySamples, Labels, RenderedFamily } from './families.ts';
import { checkLabels, checkMetricName } from './naming.ts';

export type MetricOptions<Label extends string> = Omit<FamilyDefinition<Label>, 'kind' | 'buckets'>;

export type Counter<Label extends string> = { inc(labels: Labels<Label>, by?: number): void };
export type Gauge<Label extends string> = { set(labels: Labels<Label>, value: number): void };
export type Histogram<Label extends string> = { observe(labels: Labels<Label>, value: number): void };

/**
 * Families whose numbers are kept elsewhere (in data-plane workers, in the kernel) and asked for at each scrape. One call
 * answers for all of them, so that a scrape is one message to the workers. The signal aborts at the deadline.
 */
export type MetricSource = {
  readonly families: readonly FamilyDefinition[];
  /** Samples by the family's name. A family that is left out shows nothing at this scrape. */
  collect(signal: AbortSignal): Promise<ReadonlyMap<string, FamilySamples>>;
};

/** The metrics of one process. Every name is checked as it is registered, and a name is given once. */
export type MetricsRegistry = {
  readonly system: string;
  counter<Label extends string>(options: MetricOptions<Label>): Counter<Label>;
  gauge<Label extends string>(options: MetricOptions<Label>): Gauge<Label>;
  histogram<Label extends string>(
    options: MetricOptions<Label> & { readonly buckets: readonly number[] },
  ): Histogram<Label>;
  addSource(source: MetricSource): void;
  /** Everything in the Prometheus text format, version 0.0.4. A source that fails is left out and counted. */
  render(): Promise<string>;
  /** The same figures one by one, in the order of their names and labels. */
  samples(): Promise<Sample[]>;
  readonly contentType: string;
};

/** One number of a scrape; histograms give one for each bucket, and their sum and count. */
export type Sample = { readonly name: string; readonly labels: Labels; readonly value: number };

export type RegistryOptions = {
  /** `<system>` of the names: `proxy`, `dns`, `mcias`, … */
  readonly system: string;
  /** How long a scrape waits for a source. */
  readonly collectTimeoutMs?: number;
  /** Hears why a source failed. */
  readonly onSourceError?: (error: unknown) => void;
};

const defaultCollectTimeoutMs = 2000;

export function createMetricsRegistry(options: RegistryOptions): MetricsRegistry {
  const { system, collectTimeoutMs = defaultCollectTimeoutMs, onSourceError } = options;
  const prom = new PromRegistry();
  const sources: MetricSource[] = [];
  const collected = new Map<string, RenderedFamily>();
  let collecting: Promise<void> | null = null;

  const define = (family: FamilyDefinition): void => {
    checkFamily(system, family);
    if (prom.getSingleMetric(family.name) !== undefined) throw new Error(`metric ${family.name} is defined twice`);
  };
  const base = (family: FamilyDefinition) => ({
    name: family.name,
    help: family.help,
    labelNames: [...family.labels],
    registers: [prom],
  });

  const registry: Omit<MetricsRegistry, 'render' | 'samples'> = {
    system,
    contentType: prom.contentType,
    counter(metric) {
      const family: FamilyDefinition = { ...metric, kind: 'counter' };
      define(family);
      const counter = new PromCounter(base(family));
      const admit = admission(family, () => dropped.inc());
      return { inc: (labels, by = 1) => admit(labels, by) && counter.inc({ ...labels }, by) };
    },
    gauge(metric) {
      const family: FamilyDefinition = { ...metric, kind: 'gauge' };
      define(family);
      const gauge = new PromGauge(base(family));
      const admit = admission(family, () => dropped.inc());
      return { set: (labels, value) => admit(labels, value) && gauge.set({ ...labels }, value) };
    },
    histogram(metric) {
      const family: FamilyDefinition = { ...metric, kind: 'histogram' };
      define(family);
      const histogram = new PromHistogram({ ...base(family), buckets: [...metric.buckets] });
      const admit = admission(family, () => dropped.inc());
      return { observe: (labels, value) => admit(labels, value) && histogram.observe({ ...labels }, value) };
    },
    addSource(source) {
      for (const family of source.families) {
        define(family);
        // prom-client has no class for numbers kept elsewhere; of a metric its registry uses name, help, type and get().
        const { name, help, kind: type } = family;
        const get = () => Promise.resolve({ name, help, type, values: collected.get(name)?.lines ?? [] });
        prom.registerMetric({ name, help, type, get } as unknown as Metric);
      }
      sources.push(source);
    },
  };

  const droppedName = `mc_${system}_metrics_dropped_samples_total`;
  const failuresName = `mc_${system}_metrics_collect_failures_total`;
  const dropped = new PromCounter({
    name: droppedName,
    help: 'Samples left out because a family was full or a sample did not fit it.',
    registers: [prom],
  });
  const failures = new PromCounter({
    name: failuresName,
    help: 'Times that a source of metrics failed or did not answer in time.',
    registers: [prom],
  });

  const ask = async (source: MetricSource): Promise<void> => {
    for (const { name } of source.families) collected.delete(name);
    try {
      const samples = await withDeadline(collectTimeoutMs, (signal) => source.collect(signal));
      for (const family of source.families) {
        const given = samples.get(family.name);
        if (given === undefined) continue;
        const rendered = renderFamily(family, given);
        collected.set(family.name, rendered);
        if (rendered.refused > 0) dropped.inc(rendered.refused);
      }
    } catch (error) {
      failures.inc();
      onSourceError?.(error);
    }
  };
  const collectOnce = async (): Promise<void> => {
    await Promise.all(sources.map(ask));
  };
  // Scrapes at the same time share one collection: a flood of them costs the workers no more than one.
  const collect = (): Promise<void> => {
    collecting ??= collectOnce().finally(() => (collecting = null));
    return collecting;
  };

  return {
    ...registry,
    async render() {
      await collect();
      return prom.metrics();
    },
    async samples() {
      await collect();
      const metrics = await prom.getMetricsAsJSON();
      return metrics.flatMap(samplesOf).toSorted((a, b) => (seriesOf(a) < seriesOf(b) ? -1 : 1));
    },
  };
}

function seriesOf({ name, labels }: Sample): string {
  return `${name} ${JSON.stringify(labels)}`;
}

function samplesOf(metric: MetricObjectWithValues<MetricValue<string>>): Sample[] {
  return metric.values.map((sample) => {
    // Histograms name each of their series themselves.
    const name = 'metricName' in sample && typeof sample.metricName === 'string' ? sample.metricName : metric.name;
    const labels = Object.entries(sample.labels).map(([label, text]) => [label, String(text)] as const);
    return { name, labels: Object.fromEntries(labels), value: sample.value };
  });
}

function checkFamily(system: string, family: FamilyDefinition): void {
  checkMetricName(system, family.kind, family.name);
  checkLabels(family.name, family.labels);
  if (family.help === '') throw new Error(`metric ${family.name} has no help text`);
  const rising = family.buckets?.every((bound, i, all) => Number.isFinite(bound) && bound > (all[i - 1] ?? -Infinity));
  if (family.kind === 'histogram' ? rising !== true || family.buckets?.length === 0 : family.buckets !== undefined) {
    throw new Error(`metric ${family.name}: a histogram, and nothing else, has rising finite buckets`);
  }
}

/** Returns whether a value may be written: it is one, and its series is known or there is room. Measuring never throws. */
function admission(family: FamilyDefinition, refuse: () => void): (labels: Labels, value: number) => boolean {
  const known = new Set<string>();
  const max = family.maxSeries ?? defaultMaxSeries;
  return (labels, value) => {
    const key = seriesKey(family.labels, labels);
    const fits = key !== null && Number.isFinite(value) && (family.kind !== 'counter' || value >= 0);
    if (!fits || (!known.has(key) && known.size >= max)) {
      refuse();
      return false;
    }
    known.add(key);
    return true;
  };
}

async function withDeadline<T>(timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const deadline = new AbortController();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = new Error(`a source of metrics did not answer within ${timeoutMs} ms`);
    deadline.abort(error);
    reject(error);
  }, timeoutMs);
  try {
    return await Promise.race([work(deadline.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
