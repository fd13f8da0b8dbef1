export type { FamilyDefinition, FamilySamples, HistogramSample, Labels, ValueSample } from './families.ts';
export type { MetricKind } from './naming.ts';
export { addProcessMetrics } from './process-metrics.ts';
export { createMetricsRegistry } from './registry.ts';
export type {
  Counter,
  Gauge,
  Histogram,
  MetricOptions,
  MetricSource,
  MetricsRegistry,
  RegistryOptions,
  Sample,
} from './registry.ts';
export { metricsErrors, serveMetrics } from './serve.ts';
export type { HttpAnswer, MetricsRoute, MetricsServer, MetricsServerOptions } from './serve.ts';
