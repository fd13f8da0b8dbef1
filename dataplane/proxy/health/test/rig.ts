import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import type { HealthCheck, Route } from '../../model.ts';
import { createHealthMonitor, DEFAULT_HEALTH, type CheckedBackend, type HealthMonitor } from '../index.ts';

export const LISTENER = ':443';

/** Checks without pause between them, so that a test waits for nothing but the check itself. */
export const QUICK: HealthCheck = {
  ...DEFAULT_HEALTH,
  check: 'tcp',
  intervalMs: 10,
  timeoutMs: 1_000,
  fall: 2,
  rise: 2,
};

export function makeRoute(hostname: string, backends: readonly string[], more: Partial<Route> = {}): Route {
  return {
    hostname,
    backends,
    mode: 'l7',
    sendProxyProtocol: false,
    tlsCert: '/cert.pem',
    tlsKey: '/key.pem',
    backendTls: false,
    backendVerify: 'none',
    backendCa: '',
    backendServerName: '',
    backendProtocol: 'auto',
    clientCa: '',
    forwardedHeaders: 'set',
    health: QUICK,
    policies: { blockUserAgents: [], requireHeaders: [] },
    origin: 'config',
    material: { certificate: null, clientCaPem: null, backendCaPem: null },
    ...more,
  };
}

export interface MonitorRig extends Disposable {
  readonly monitor: HealthMonitor;
  readonly published: (readonly string[])[];
  readonly reports: { readonly backend: CheckedBackend; readonly routes: number }[];
  /** Resolves once it holds, looked at after each turn in which something ended. */
  until(holds: () => boolean): Promise<void>;
}

export function watch(routes: readonly Route[]): MonitorRig {
  const published: (readonly string[])[] = [];
  const reports: { readonly backend: CheckedBackend; readonly routes: number }[] = [];
  const listener = {
    addr: LISTENER,
    proxyProtocol: false,
    trustedProxies: [],
    defaultRoute: '',
    maxConnections: 0,
    redirectHttp: false,
    routes,
  };
  const monitor = createHealthMonitor([listener], {
    publish: (down) => void published.push(down),
    report: (backend, sharing) => void reports.push({ backend, routes: sharing }),
  });
  return {
    monitor,
    published,
    reports,
    async until(holds) {
      while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
    },
    [Symbol.dispose]: () => monitor[Symbol.dispose](),
  };
}

/** Listens on `port`, or on one that the kernel chooses, and returns its address. */
export async function listen(server: Server, port = 0): Promise<string> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
