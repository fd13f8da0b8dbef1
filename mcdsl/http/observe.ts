import type { Logger, LogFields } from '../logging/index.ts';
import type { FamilySamples, MetricsRegistry } from '../metrics/index.ts';
import type { CertificateSource } from '../tls/index.ts';

/** What is told of each request once it is over. */
export type Finished = {
  readonly method: string;
  /** As registered, so that the label has few values. */
  readonly route: string;
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
  readonly requestId: string;
  readonly clientAddress: string;
  readonly protocol: string;
  /** Why it was refused; null when it was not. */
  readonly reason: string | null;
  /** The client left before the answer did. */
  readonly isAborted: boolean;
  readonly notes: LogFields;
};

export type Observer = {
  started(): void;
  finished(request: Finished): void;
  /** A connection that never became a request. */
  refusedConnection(reason: string): void;
};

/** How long the certificate lasts, asked at each scrape. */
export function addCertificateMetric(registry: MetricsRegistry, certificate: CertificateSource): void {
  const family = {
    kind: 'gauge',
    name: `mc_${registry.system}_certificate_expiry_days`,
    help: 'Days until the certificate of the HTTP listener ends.',
    labels: [],
  } as const;
  registry.addSource({
    families: [family],
    collect: async () => {
      const value = (certificate.current().info.notAfter.getTime() - Date.now()) / dayMs;
      return new Map<string, FamilySamples>([[family.name, { kind: 'gauge', samples: [{ labels: {}, value }] }]]);
    },
  });
}

const dayMs = 86_400_000;
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
/** Asked every few seconds by whoever watches: not worth a line. */
const quietRoutes = new Set(['GET /v1/health']);

/** Families `mc_<system>_http_…` and one log line a request. */
export function createObserver(registry: MetricsRegistry, logger: Logger): Observer {
  const prefix = `mc_${registry.system}_http`;
  const requests = registry.counter({
    name: `${prefix}_requests_total`,
    help: 'Requests answered.',
    labels: ['method', 'route', 'status'],
  });
  const refusals = registry.counter({
    name: `${prefix}_refusals_total`,
    help: 'Requests and connections refused, by reason.',
    labels: ['reason'],
  });
  const duration = registry.histogram({
    name: `${prefix}_request_duration_seconds`,
    help: 'From the request head to the end of the answer.',
    labels: ['route'],
    buckets,
  });
  const active = registry.gauge({ name: `${prefix}_active_requests`, help: 'Requests under way.', labels: [] });
  let underWay = 0;
  const count = (by: number): void => {
    underWay += by;
    active.set({}, underWay);
  };
  count(0);
  return {
    started: () => count(1),
    finished(request) {
      count(-1);
      const { method, route, status, durationMs, reason, isAborted, notes } = request;
      requests.inc({ method, route, status: String(status) });
      duration.observe({ route }, durationMs / 1000);
      if (reason !== null) refusals.inc({ reason });
      logger.log(quietRoutes.has(route) ? 'debug' : 'info', 'request', {
        request_id: request.requestId,
        method,
        route,
        path: request.path,
        status,
        duration_ms: Math.round(durationMs * 10) / 10,
        client: request.clientAddress,
        protocol: request.protocol,
        ...(reason === null ? {} : { reason }),
        ...(isAborted ? { aborted: true } : {}),
        ...notes,
      });
    },
    refusedConnection: (reason) => refusals.inc({ reason }),
  };
}
