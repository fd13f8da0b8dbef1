import { formatDuration } from '../../../mcdsl/config/units.ts';
import { parseHostname } from '../../net/hostname.ts';
import { DEFAULT_HEALTH } from '../../proxy/health/defaults.ts';
import type { HealthCheck, HealthCheckKind, RouteSpec } from '../../proxy/model.ts';
import { healthKeys } from './health-keys.ts';
import { oneOf, type Findings, type RouteField } from './findings.ts';

/** The keys `health_*` as somebody wrote them; what is left out, empty or 0 has its default. */
export interface HealthInput {
  readonly check?: string;
  readonly intervalMs?: number;
  readonly timeoutMs?: number | undefined;
  readonly path?: string;
  readonly host?: string;
  readonly fall?: number;
  readonly rise?: number;
}

export const HEALTH_CHECKS = ['off', 'tcp', 'http'] as const satisfies readonly HealthCheckKind[];
export const MIN_HEALTH_INTERVAL_MS = 100;
export const MAX_HEALTH_INTERVAL_MS = 3_600_000;
export const MIN_HEALTH_TIMEOUT_MS = 10;
export const MAX_HEALTH_TIMEOUT_MS = 60_000;
export const MAX_HEALTH_COUNT = 100;
const MAX_PATH = 1024;

/** Ranges are checked here again for the API and rows of the database; the file's have been checked with their place. */
export function parseHealth(input: HealthInput, found: Findings): HealthCheck {
  const intervalMs = input.intervalMs || DEFAULT_HEALTH.intervalMs;
  return {
    check: oneOf('health_check', input.check || DEFAULT_HEALTH.check, HEALTH_CHECKS, found),
    intervalMs: span('health_interval', intervalMs, MIN_HEALTH_INTERVAL_MS, MAX_HEALTH_INTERVAL_MS, found),
    timeoutMs: span(
      'health_timeout',
      input.timeoutMs || Math.min(DEFAULT_HEALTH.timeoutMs, intervalMs),
      MIN_HEALTH_TIMEOUT_MS,
      MAX_HEALTH_TIMEOUT_MS,
      found,
    ),
    path: pathOf(input.path || DEFAULT_HEALTH.path, found),
    host: hostOf(input.host ?? '', found),
    fall: count('health_fall', input.fall || DEFAULT_HEALTH.fall, found),
    rise: count('health_rise', input.rise || DEFAULT_HEALTH.rise, found),
  };
}

/** What a key means beside the others. */
export function checkHealthOf({ hostname, mode, health }: RouteSpec, found: Findings): void {
  if (health.check === 'off') {
    for (const key in healthKeys(health)) found.warn(key as RouteField, 'has no effect without health_check');
    return;
  }
  if (health.timeoutMs > health.intervalMs) {
    const [timeout, interval] = [formatDuration(health.timeoutMs), formatDuration(health.intervalMs)];
    found.error('health_timeout', `health_timeout (${timeout}) is longer than health_interval (${interval})`, {
      expected: 'a check that ends before the next one begins',
    });
  }
  if (health.check === 'tcp') {
    if (health.path !== DEFAULT_HEALTH.path) found.warn('health_path', 'has no effect without health_check = "http"');
    if (health.host !== '') found.warn('health_host', 'has no effect without health_check = "http"');
    return;
  }
  if (mode === 'l4') {
    found.error(
      'health_check',
      'health_check = "http" has no effect on an l4 route, whose backends speak TLS with its clients',
      {
        expected: '"tcp", or mode = "l7"',
      },
    );
  } else if (health.host === '' && hostname.startsWith('*.')) {
    found.error('health_check', 'health_check = "http" on a wildcard route has no host to ask for', {
      expected: 'health_host, a name that the backends serve',
    });
  }
}

function span(field: RouteField, ms: number, minMs: number, maxMs: number, found: Findings): number {
  if (Number.isInteger(ms) && ms >= minMs && ms <= maxMs) return ms;
  const expected = `a duration from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  found.error(field, `${field} of ${ms} ms is out of range`, { expected });
  return minMs;
}

function count(field: RouteField, value: number, found: Findings): number {
  if (Number.isInteger(value) && value >= 1 && value <= MAX_HEALTH_COUNT) return value;
  found.error(field, `${field} is ${value}`, { expected: `a number of checks, from 1 to ${MAX_HEALTH_COUNT}` });
  return 1;
}

/** Origin-form (RFC 9112 §3.2.1), of visible ASCII. */
function pathOf(path: string, found: Findings): string {
  if (path.length <= MAX_PATH && /^\/[\x21\x22\x24-\x7e]*$/.test(path)) return path;
  found.error('health_path', `${JSON.stringify(path.slice(0, 80))} is no path of a request`, {
    expected: `a path such as "/healthz", percent-encoded, of at most ${MAX_PATH} characters`,
  });
  return DEFAULT_HEALTH.path;
}

function hostOf(text: string, found: Findings): string {
  const [, name = '', port = ''] = /^(.*?)(:[0-9]{1,5})?$/.exec(text) ?? [];
  const host = text === '' ? '' : parseHostname(name);
  if (host !== null) return host + port;
  found.error('health_host', `${JSON.stringify(text.slice(0, 80))} is no Host`, {
    expected: 'a host name such as "app.example.test", with a port if need be',
  });
  return '';
}
