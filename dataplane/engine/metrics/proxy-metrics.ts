import {
  loopDelaySamples,
  type FamilyDefinition,
  type FamilySamples,
  type MetricSource,
} from '../../../mcdsl/metrics/index.ts';
import { COUNTERS, HISTOGRAMS, type Family } from './families.ts';
import type { BackendState } from '../../proxy/backends/index.ts';
import type { CheckedBackend } from '../../proxy/health/index.ts';
import type { PoolFigures } from '../worker/worker-pool.ts';
import { keysOf, LABEL_SEPARATOR, MAX_LABEL_SETS, type TallySnapshot } from './tally.ts';

/** What the main thread itself knows at a scrape. */
export interface MainFigures {
  readonly activeConnections: readonly { readonly listener: string; readonly active: number }[];
  readonly routes: readonly { readonly listener: string; readonly routes: number }[];
  readonly firewallRules: readonly { readonly kind: string; readonly rules: number }[];
  readonly certificates: readonly { readonly hostname: string; readonly listener: string; readonly daysLeft: number }[];
  readonly limiterEntries: number;
  readonly limiterEvictions: number;
  readonly geoipReloadFailures: number;
  readonly geoipLoaded: boolean;
  readonly workerCrashes: number;
  readonly generation: number;
  readonly droppedReports: number;
  readonly droppedLogLines: number;
  readonly limiterLocksBroken: number;
  readonly backends: readonly CheckedBackend[];
  readonly healthChecks: { readonly passed: number; readonly failed: number };
  readonly queues: Readonly<Record<string, number>>;
}

const GAUGES = {
  active: { name: 'mc_proxy_active_connections', help: 'Connections open now.', labels: ['listener'] },
  routes: { name: 'mc_proxy_served_routes', help: 'Routes served.', labels: ['listener'] },
  rules: { name: 'mc_proxy_firewall_rules', help: 'Rules of the firewall, by kind.', labels: ['kind'] },
  expiry: {
    name: 'mc_proxy_certificate_expiry_days',
    help: 'Days until the certificate in use for a route ends; negative after it.',
    labels: ['listener', 'hostname'],
  },
  limiter: { name: 'mc_proxy_rate_limiter_entries', help: 'Address prefixes that the rate limiter keeps.', labels: [] },
  loopDelay: {
    name: 'mc_proxy_worker_event_loop_delay_seconds',
    help: 'How late timers of a worker fire: the time that its queue of work takes.',
    labels: ['worker', 'statistic'],
  },
  backendUp: {
    name: 'mc_proxy_backend_state',
    help: '0 while a backend fails its health checks, else 1; of routes that have them.',
    labels: ['listener', 'route', 'backend'],
  },
  backendActive: {
    name: 'mc_proxy_backend_active_sessions',
    help: 'L4 connections or L7 requests that a backend serves now; of backends that have been tried.',
    labels: ['listener', 'route', 'backend'],
  },
  backendEjected: {
    name: 'mc_proxy_backend_ejected_workers',
    help: 'Workers that leave a backend out now because connections to it failed.',
    labels: ['listener', 'route', 'backend'],
  },
  queues: { name: 'mc_proxy_queued_items', help: 'What waits in a queue of the proxy now.', labels: ['queue'] },
  geoip: { name: 'mc_proxy_geoip_state', help: '1 while a GeoIP database is in use, else 0.', labels: [] },
} as const satisfies Record<string, Family>;

const MAIN_COUNTERS = {
  changes: {
    name: 'mc_proxy_config_changes_total',
    help: 'Changes of the desired state, those before the last start included.',
    labels: [],
  },
  evictions: {
    name: 'mc_proxy_rate_limiter_evictions_total',
    help: 'Live prefixes that the rate limiter forgot for want of room.',
    labels: [],
  },
  geoipFailures: {
    name: 'mc_proxy_geoip_reload_failures_total',
    help: 'GeoIP databases that were refused; the one before stayed in use.',
    labels: [],
  },
  crashes: { name: 'mc_proxy_worker_crashes_total', help: 'Workers that crashed and were replaced.', labels: [] },
  lines: {
    name: 'mc_proxy_log_dropped_lines_total',
    help: 'Log lines that were lost because their reader stalled.',
    labels: [],
  },
  healthChecks: {
    name: 'mc_proxy_health_checks_total',
    help: 'Health checks that ended.',
    labels: ['result'],
  },
  locks: {
    name: 'mc_proxy_rate_limiter_broken_locks_total',
    help: 'Locks of the rate limiter that were taken from a worker which died holding them.',
    labels: [],
  },
  dropped: {
    name: 'mc_proxy_log_dropped_reports_total',
    help: 'Refusals and access lines that were counted but not logged because too many came at once.',
    labels: [],
  },
} as const satisfies Record<string, Family>;

/** The proxy's families for `/metrics`: the workers' sums and the main thread's figures, asked for once a scrape. */
export function proxyMetrics(workers: () => Promise<PoolFigures>, figures: () => MainFigures): MetricSource {
  return {
    families: [
      ...Object.values(COUNTERS).map((family) => define('counter', family)),
      ...Object.values(HISTOGRAMS).map((family) => ({ ...define('histogram', family), buckets: family.buckets })),
      ...Object.values(GAUGES).map((family) => define('gauge', family)),
      ...Object.values(MAIN_COUNTERS).map((family) => define('counter', family)),
    ],
    async collect() {
      const { tally, loopDelays, backends, queues } = await workers();
      const main = figures();
      return new Map([
        ...workerSamples(tally),
        [
          GAUGES.loopDelay.name,
          {
            kind: 'gauge',
            samples: loopDelays.flatMap(({ worker, delay }) => loopDelaySamples(delay, { worker: String(worker) })),
          },
        ],
        ...backendSamples(backends),
        gauge(
          GAUGES.queues,
          [...queues, ...Object.entries(main.queues)].map(([queue, waiting]) => [{ queue }, waiting]),
        ),
        ...mainSamples(main),
      ]);
    },
  };
}

function define(kind: FamilyDefinition['kind'], { name, help, labels }: Family): FamilyDefinition {
  return { kind, name, help, labels, maxSeries: MAX_LABEL_SETS + 1 };
}

function* workerSamples(sums: TallySnapshot): Generator<[string, FamilySamples]> {
  for (const name of keysOf(COUNTERS)) {
    const family: Family = COUNTERS[name];
    const samples = [...sums.counters[name]].map(([key, value]) => ({ labels: labelsOf(family, key), value }));
    yield [family.name, { kind: 'counter', samples }];
  }
  for (const name of keysOf(HISTOGRAMS)) {
    const family: Family = HISTOGRAMS[name];
    const samples = [...sums.histograms[name]].map(([key, { counts, sum }]) => ({
      labels: labelsOf(family, key),
      bucketCounts: counts,
      sum,
      count: counts.reduce((total, count) => total + count, 0),
    }));
    yield [family.name, { kind: 'histogram', samples }];
  }
}

/** Sums of what each worker has: the gauges of a backend of one route, at most MAX_LABEL_SETS of them. */
function* backendSamples(states: readonly BackendState[]): Generator<[string, FamilySamples]> {
  const sums = new Map<string, { labels: Record<string, string>; active: number; ejected: number }>();
  for (const { listener, route, backend, active, ejected } of states) {
    const key = [listener, route, backend].join(LABEL_SEPARATOR);
    const sum = sums.get(key) ?? { labels: { listener, route, backend }, active: 0, ejected: 0 };
    if (sums.size < MAX_LABEL_SETS) sums.set(key, sum);
    sum.active += active;
    sum.ejected += ejected ? 1 : 0;
  }
  yield gauge(
    GAUGES.backendActive,
    [...sums.values()].map(({ labels, active }) => [labels, active]),
  );
  yield gauge(
    GAUGES.backendEjected,
    [...sums.values()].map(({ labels, ejected }) => [labels, ejected]),
  );
}

function* mainSamples(figures: MainFigures): Generator<[string, FamilySamples]> {
  yield gauge(
    GAUGES.active,
    figures.activeConnections.map(({ listener, active }) => [{ listener }, active]),
  );
  yield gauge(
    GAUGES.routes,
    figures.routes.map(({ listener, routes }) => [{ listener }, routes]),
  );
  yield gauge(
    GAUGES.rules,
    figures.firewallRules.map(({ kind, rules }) => [{ kind }, rules]),
  );
  yield gauge(
    GAUGES.expiry,
    figures.certificates.map(({ listener, hostname, daysLeft }) => [{ listener, hostname }, daysLeft]),
  );
  yield gauge(
    GAUGES.backendUp,
    figures.backends
      .slice(0, MAX_LABEL_SETS)
      .map(({ listener, route, backend, isUp }) => [{ listener, route, backend }, isUp ? 1 : 0]),
  );
  const { passed, failed } = figures.healthChecks;
  yield [
    MAIN_COUNTERS.healthChecks.name,
    {
      kind: 'counter',
      samples: [
        { labels: { result: 'passed' }, value: passed },
        { labels: { result: 'failed' }, value: failed },
      ],
    },
  ];
  yield gauge(GAUGES.limiter, [[{}, figures.limiterEntries]]);
  yield gauge(GAUGES.geoip, [[{}, figures.geoipLoaded ? 1 : 0]]);
  yield counter(MAIN_COUNTERS.changes, figures.generation);
  yield counter(MAIN_COUNTERS.evictions, figures.limiterEvictions);
  yield counter(MAIN_COUNTERS.geoipFailures, figures.geoipReloadFailures);
  yield counter(MAIN_COUNTERS.crashes, figures.workerCrashes);
  yield counter(MAIN_COUNTERS.dropped, figures.droppedReports);
  yield counter(MAIN_COUNTERS.lines, figures.droppedLogLines);
  yield counter(MAIN_COUNTERS.locks, figures.limiterLocksBroken);
}

function gauge(family: Family, samples: [labels: Record<string, string>, value: number][]): [string, FamilySamples] {
  return [family.name, { kind: 'gauge', samples: samples.map(([labels, value]) => ({ labels, value })) }];
}

function counter(family: Family, value: number): [string, FamilySamples] {
  return [family.name, { kind: 'counter', samples: [{ labels: {}, value }] }];
}

function labelsOf(family: Family, key: string): Record<string, string> {
  const values = family.labels.length === 0 ? [] : key.split(LABEL_SEPARATOR);
  return Object.fromEntries(family.labels.map((label, index) => [label, values[index] ?? '']));
}
