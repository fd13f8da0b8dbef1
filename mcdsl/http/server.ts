import fastify from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';

import type { Health } from '../health/index.ts';
import type { Logger } from '../logging/index.ts';
import type { MetricsRegistry } from '../metrics/index.ts';
import type { CertificateSource } from '../tls/index.ts';
import { json } from './answers.ts';
import { noProxies } from './client-address.ts';
import type { TrustedProxies } from './client-address.ts';
import { createConnections } from './connections.ts';
import type { ConnectionLimits, Connections, HttpListen } from './connections.ts';
import type { OpenRequest } from './context.ts';
import { httpErrors } from './errors.ts';
import { exchange, unknownRoute } from './exchange.ts';
import type { Destination, ExchangeDeps } from './exchange.ts';
import { addCertificateMetric, createObserver } from './observe.ts';
import { defineApi, route } from './route.ts';
import type { Api, ServedRoute } from './route.ts';
import type { ErrorPage, HttpContext } from './types.ts';

export type HttpLimits = ConnectionLimits & {
  readonly maxBodyBytes: number;
  readonly bodyTimeoutMs: number;
  /** Requests under way at once, over all connections; more are refused with resource_exhausted. */
  readonly maxRequests: number;
};

export const defaultHttpLimits: HttpLimits = {
  maxConnections: 4096,
  maxHeaderBytes: 16_384,
  headersTimeoutMs: 10_000,
  idleTimeoutMs: 60_000,
  stallTimeoutMs: 120_000,
  maxBodyBytes: 1024 * 1024,
  bodyTimeoutMs: 30_000,
  maxRequests: 1024,
};

export type HttpServerOptions = {
  readonly listen: HttpListen;
  /** null: plain HTTP/1.1, for loopback and container-private addresses only (`checkHttpServer` looks at that). */
  readonly certificate: CertificateSource | null;
  readonly apis: readonly Api[];
  readonly logger: Logger;
  readonly registry: MetricsRegistry;
  readonly health: Health;
  readonly version: string;
  readonly trustedProxies?: TrustedProxies;
  /** Of routes for people; without it their errors are JSON too. */
  readonly errorPage?: ErrorPage;
  /** Tells browsers to come by HTTPS only; not for `localhost`, where it would reach every other port. */
  readonly hsts?: boolean;
  readonly limits?: Partial<HttpLimits>;
  /** Told of each request that is refused or fails, also by the edge itself, before it is answered. */
  readonly onRefusal?: (error: unknown, context: HttpContext) => void;
};

export type HttpServer = AsyncDisposable & {
  readonly host: string;
  readonly port: number;
  /** Requests under way. */
  remaining(): number;
  /** Takes no new connection, refuses new requests, resolves when none is under way. */
  drain(signal: AbortSignal): Promise<void>;
  /** RST to every connection. */
  kill(): void;
};

/**
 * Serves the APIs and `GET /v1/health` on one address.
 * @throws Error when a route is registered twice; listen_failed with address and reason
 */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { logger, registry } = options;
  const limits = { ...defaultHttpLimits, ...options.limits };
  const observer = createObserver(registry, logger);
  if (options.certificate !== null) addCertificateMetric(registry, options.certificate);
  const active = new Set<OpenRequest>();
  const idle = Promise.withResolvers<void>();
  let isDraining = false;
  const deps: ExchangeDeps = {
    logger,
    observer,
    trusted: options.trustedProxies ?? noProxies,
    bodyLimits: { maxBytes: limits.maxBodyBytes, timeoutMs: limits.bodyTimeoutMs },
    errorPage: options.errorPage ?? null,
    hsts: options.hsts ?? false,
    onRefusal: options.onRefusal ?? null,
    enter(request) {
      if (isDraining) throw httpErrors.error('draining', 'the server is shutting down');
      if (active.size >= limits.maxRequests) {
        throw httpErrors.error('resource_exhausted', `${limits.maxRequests} requests are under way already; try again`);
      }
      active.add(request);
    },
    leave(request) {
      active.delete(request);
      if (!isDraining) return;
      connections.dropIdle();
      if (active.size === 0) idle.resolve();
    },
    isDraining: () => isDraining,
  };

  const made = Promise.withResolvers<Connections>();
  const app = fastify({
    serverFactory(handler) {
      const connections = createConnections(handler, options.certificate, limits, observer);
      made.resolve(connections);
      return connections.server;
    },
    routerOptions: { maxParamLength: 512 },
    exposeHeadRoutes: false,
    frameworkErrors: (_error, request, reply) => serve(deps, badTarget, request, reply),
    // Refusing is `enter`'s, so that it happens in one place and with our words.
    return503OnClosing: false,
  });
  const connections = await made.promise;
  // Bodies are read by the exchange, after authorization.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.setNotFoundHandler((request, reply) => serve(deps, unknownPath, request, reply));
  register(app, deps, [...healthApi(options).routes, ...options.apis.flatMap((api) => api.routes)]);
  await app.ready();
  const address = await connections.listen(options.listen);

  return {
    host: address.address,
    port: address.port,
    remaining: () => active.size,
    async drain(signal) {
      isDraining = true;
      connections.stop();
      if (active.size === 0) return;
      const onAbort = (): void => idle.resolve();
      signal.addEventListener('abort', onAbort, { once: true });
      await idle.promise;
      signal.removeEventListener('abort', onAbort);
    },
    kill() {
      for (const request of active) request.abort(httpErrors.error('draining', 'the server is shutting down'));
      connections.kill();
    },
    async [Symbol.asyncDispose]() {
      await connections[Symbol.asyncDispose]();
      await app.close();
    },
  };
}

const unknownPath: Destination = { kind: 'refusal', label: 'unknown', error: unknownRoute };

const badTarget: Destination = {
  kind: 'refusal',
  label: 'unknown',
  error: httpErrors.error('invalid_argument', 'the path is not percent-encoded UTF-8', { reason: 'bad_encoding' }),
};

const methods: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'];

function register(app: FastifyInstance, deps: ExchangeDeps, routes: readonly ServedRoute[]): void {
  const byPath = new Map<string, Set<HTTPMethods>>();
  const add = (method: readonly HTTPMethods[], url: string, to: Destination): void => {
    const answer = (request: FastifyRequest, reply: FastifyReply): void => serve(deps, to, request, reply);
    // Already in the first hook, which goes no further: what fastify does after it (body, validation) is the exchange's.
    app.route({ method: [...method], url, onRequest: answer, handler: answer });
  };
  for (const served of routes) {
    const { target } = served;
    const to: Destination = { kind: 'route', served };
    if (target.kind === 'mount') {
      add(methods, target.prefix, to);
      add(methods, `${target.prefix}/*`, to);
      continue;
    }
    const own: HTTPMethods[] = target.method === 'GET' ? ['GET', 'HEAD'] : [target.method];
    add(own, target.path, to);
    const known = byPath.get(target.path) ?? new Set();
    for (const method of own) known.add(method);
    byPath.set(target.path, known);
  }
  for (const [path, known] of byPath) {
    const allow = [...known].sort().join(', ');
    const error = httpErrors.error('method_not_allowed', `only ${allow} is served here`, { allow });
    const others = methods.filter((method) => !known.has(method));
    add(others, path, { kind: 'refusal', label: `other ${path}`, error });
  }
}

function serve(deps: ExchangeDeps, to: Destination, request: FastifyRequest, reply: FastifyReply): void {
  reply.hijack();
  void exchange(deps, to, { raw: request.raw, response: reply.raw, params: request.params });
}

function healthApi({ health, version }: HttpServerOptions): Api {
  return defineApi({
    routes: {
      health: route({
        method: 'GET',
        path: '/v1/health',
        answer() {
          const { httpStatus, body } = health.report();
          const { status, reason } = body;
          return json(httpStatus, {
            status: status === 'serving' ? 'ok' : status,
            version,
            ...(reason === undefined ? {} : { reason }),
          });
        },
      }),
    },
    authorization: { health: 'public' },
  });
}
