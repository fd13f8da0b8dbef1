/** The metric families that workers count (PX-22). A worker keeps plain numbers; the main thread sums and exports them. */
export interface Family {
  readonly name: `mc_proxy_${string}`;
  readonly help: string;
  readonly labels: readonly string[];
}

export interface HistogramFamily extends Family {
  /** Upper bounds, ascending; +Inf is implied. */
  readonly buckets: readonly number[];
}

export const COUNTERS = {
  accepted: {
    name: 'mc_proxy_connections_total',
    help: 'Connections accepted.',
    labels: ['listener'],
  },
  refused: {
    name: 'mc_proxy_refused_total',
    help: 'Connections and requests refused, by reason code.',
    labels: ['reason', 'listener'],
  },
  handshakes: {
    name: 'mc_proxy_tls_handshakes_total',
    help: 'TLS handshakes completed on routes that terminate TLS.',
    labels: ['listener', 'resumed'],
  },
  bytes: {
    name: 'mc_proxy_relayed_bytes_total',
    help: 'Payload bytes carried, up: client to backend.',
    labels: ['mode', 'direction'],
  },
  relays: {
    name: 'mc_proxy_relays_total',
    help: 'L4 connections ended, by how.',
    labels: ['end'],
  },
  requests: {
    name: 'mc_proxy_requests_total',
    help: 'L7 requests answered.',
    labels: ['route', 'code', 'protocol'],
  },
  connectFailures: {
    name: 'mc_proxy_backend_connect_failures_total',
    help: 'Backends of which no address accepted a connection, or with which TLS failed.',
    labels: ['listener', 'route', 'backend'],
  },
  ejections: {
    name: 'mc_proxy_backend_ejections_total',
    help: 'Times that a worker began to leave a backend out after connect failures.',
    labels: ['listener', 'route', 'backend'],
  },
  failures: {
    name: 'mc_proxy_failures_total',
    help: 'Failures inside the proxy that the log describes.',
    labels: [],
  },
} as const satisfies Record<string, Family>;

export const HISTOGRAMS = {
  requestSeconds: {
    name: 'mc_proxy_request_duration_seconds',
    help: 'From the request head to the end of the answer.',
    labels: ['protocol'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  relaySeconds: {
    name: 'mc_proxy_relay_duration_seconds',
    help: 'L4 connections, from accept to close.',
    labels: [],
    buckets: [0.01, 0.1, 1, 10, 60, 300, 1800, 7200],
  },
} as const satisfies Record<string, HistogramFamily>;

export type CounterName = keyof typeof COUNTERS;
export type HistogramName = keyof typeof HISTOGRAMS;
