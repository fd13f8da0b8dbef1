import type { HealthCheck } from '../model.ts';

/** The keys `health_*` as they are when a route does not say otherwise. */
export const DEFAULT_HEALTH: HealthCheck = {
  check: 'off',
  intervalMs: 5_000,
  timeoutMs: 2_000,
  path: '/',
  host: '',
  fall: 3,
  rise: 2,
};
