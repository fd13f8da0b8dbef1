export { healthService } from './grpc-health.ts';
export { createHealth } from './health.ts';
export type { Health, HealthReport, HealthState, PartHealth } from './health.ts';
