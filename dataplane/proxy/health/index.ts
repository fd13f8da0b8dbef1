export { DEFAULT_HEALTH } from './defaults.ts';
export { createHealthMonitor } from './monitor.ts';
export type { CheckedBackend, HealthMonitor, HealthMonitorDeps } from './monitor.ts';
