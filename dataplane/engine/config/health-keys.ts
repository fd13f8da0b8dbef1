import { formatDuration } from '../../../mcdsl/config/units.ts';
import { DEFAULT_HEALTH } from '../../proxy/health/defaults.ts';
import type { HealthCheck } from '../../proxy/model.ts';

/** The keys `health_*` as the file spells them, with values as they stand there; those that have their default are left out. */
export function healthKeys(health: HealthCheck): Record<string, string | number> {
  const { check, intervalMs, timeoutMs, path, host, fall, rise } = health;
  const keys: [string, string | number, boolean][] = [
    ['health_check', check, check !== DEFAULT_HEALTH.check],
    ['health_interval', formatDuration(intervalMs), intervalMs !== DEFAULT_HEALTH.intervalMs],
    ['health_timeout', formatDuration(timeoutMs), timeoutMs !== Math.min(DEFAULT_HEALTH.timeoutMs, intervalMs)],
    ['health_path', path, path !== DEFAULT_HEALTH.path],
    ['health_host', host, host !== DEFAULT_HEALTH.host],
    ['health_fall', fall, fall !== DEFAULT_HEALTH.fall],
    ['health_rise', rise, rise !== DEFAULT_HEALTH.rise],
  ];
  return Object.fromEntries(keys.flatMap(([key, value, isSet]) => (isSet ? [[key, value]] : [])));
}
