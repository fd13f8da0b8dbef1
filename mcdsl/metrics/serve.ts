import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

import { formatAddress } from '../config/addresses.ts';
import { defineErrors, messageOf, toWire } from '../errors/index.ts';
import type { Logger } from '../logging/index.ts';
import type { MetricsRegistry } from './registry.ts';

const metricsErrors = defineErrors('metrics', {
  listen_failed: { http: 500, grpc: 'UNAVAILABLE', retry: false },
});

export type HttpAnswer = { readonly status: number; readonly contentType: string; readonly body: string };

/** Answers GET on one path. It gets the part of the URL after `?`. */
export type MetricsRoute = (query: URLSearchParams) => HttpAnswer | Promise<HttpAnswer>;

export type MetricsServerOptions = {
  /** `host: null` listens on every address. Port 0 lets the system choose. */
  readonly listen: { readonly host: string | null; readonly port: number };
  readonly registry: MetricsRegistry;
  readonly logger: Logger;
  /** Lets a process that takes over listen beside the one that still drains; a scrape is then answered by either. */
  readonly reusePort?: boolean;
  /** What `GET /v1/health` answers, as the `report()` of mcdsl/health gives it. */
  readonly health?: () => { readonly httpStatus: number; readonly body: object };
  /** More paths, each beginning with `/`. */
  readonly routes?: Readonly<Record<string, MetricsRoute>>;
};

export type MetricsServer = AsyncDisposable & { readonly host: string; readonly port: number };

const limits = { connections: 64, headerBytes: 8192, headersMs: 5000, requestMs: 10_000, idleMs: 30_000 } as const;

/**
 * Serves GET (and HEAD) on plain HTTP: `/metrics`, `/v1/health` and the given routes; anything else is 404 or 405, as the
 * errors of REST are. There is no authentication, so an address that others can reach is allowed but warned of.
 * @throws listen_failed with the address and the reason
 */
export async function serveMetrics(options: MetricsServerOptions): Promise<MetricsServer> {
  const { listen, registry, logger } = options;
  const routes = routeTable(options);
  const server = http.createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: 1000,
      insecureHTTPParser: false,
    },
    (request, response) => void answer(request, routes, logger).then((found) => send(request, response, found)),
  );
  server.maxConnections = limits.connections;
  server.timeout = limits.idleMs;

  const shown = formatAddress({ kind: 'tcp', ...listen });
  server.listen({
    port: listen.port,
    reusePort: options.reusePort ?? false,
    ...(listen.host === null ? {} : { host: listen.host }),
  });
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw metricsErrors.error('listen_failed', `cannot serve metrics on ${shown}: ${messageOf(cause)}`, {}, { cause });
  }
  server.on('error', (err) => logger.error('metrics listener failed', { err }));
  const { address, port } = server.address() as AddressInfo;
  if (!isLoopback(address)) {
    logger.warn('metrics are served without authentication on an address that other machines may reach', {
      address: shown,
      system: registry.system,
    });
  }
  return {
    host: address,
    port,
    async [Symbol.asyncDispose]() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function routeTable({ registry, health, routes = {} }: MetricsServerOptions): ReadonlyMap<string, MetricsRoute> {
  const table = new Map<string, MetricsRoute>([
    ['/metrics', async () => ({ status: 200, contentType: registry.contentType, body: await registry.render() })],
  ]);
  if (health !== undefined) {
    table.set('/v1/health', () => {
      const { httpStatus, body } = health();
      return json(httpStatus, body);
    });
  }
  for (const [path, route] of Object.entries(routes)) {
    if (!path.startsWith('/') || table.has(path))
      throw new Error(`metrics route ${path} is malformed or defined twice`);
    table.set(path, route);
  }
  return table;
}

async function answer(
  request: http.IncomingMessage,
  routes: ReadonlyMap<string, MetricsRoute>,
  logger: Logger,
): Promise<HttpAnswer> {
  try {
    const [path = '', ...query] = (request.url ?? '').split('?');
    const route = routes.get(path);
    if (route === undefined) throw metricsErrors.error('not_found', 'nothing is served at this path');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw metricsErrors.error('method_not_allowed', 'only GET is served here');
    }
    if (hasBody(request)) throw metricsErrors.error('too_large', 'a GET with a body is not read');
    return await route(new URLSearchParams(query.join('?')));
  } catch (error) {
    const wire = toWire(error, (err, errorId) => logger.error('metrics request failed', { err, error_id: errorId }));
    return json(wire.http, wire.body);
  }
}

function send(request: http.IncomingMessage, response: http.ServerResponse, found: HttpAnswer): void {
  const body = Buffer.from(found.body);
  response.writeHead(found.status, {
    'Content-Type': found.contentType,
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(found.status === 405 ? { Allow: 'GET, HEAD' } : {}),
    // A body that nobody reads would otherwise be taken for the next request.
    ...(hasBody(request) ? { Connection: 'close' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function hasBody({ headers }: http.IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

function json(status: number, value: object): HttpAnswer {
  return { status, contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n` };
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}
