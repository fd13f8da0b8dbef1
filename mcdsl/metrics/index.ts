export type { FamilyDefinition, FamilySamples } from './families.ts';
export { measureLoopDelay } from './loop-delay.ts';
export type { LoopDelay, LoopDelayMeter } from './loop-delay.ts';
export { addProcessMetrics, loopDelaySamples } from './process-metrics.ts';
export { createMetricsRegistry } from './registry.ts';
export type { MetricSource, MetricsRegistry, Sample } from './registry.ts';
export { serveMetrics } from './serve.ts';
export type { HttpAnswer, MetricsServerOptions } from './serve.ts';
