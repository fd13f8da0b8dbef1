import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { parseHostname, type Hostname } from '../../net/hostname.ts';
import type { BackendPools, Resolver } from '../backends/index.ts';
import type { UpstreamSlots } from '../gauges.ts';
import type { ProxySettings, Route } from '../model.ts';
import type { Reason } from '../reasons.ts';
import type { ConnectionInfo, Reporter } from '../report.ts';
import { refuseConnection, type ClientConnection, type L7Context } from './context.ts';
import { serveHttp1 } from './http1-server/http1-connection.ts';
import { serveHttp2 } from './http2-server/http2-connection.ts';
import { createRouteTls, type RouteTls } from './route-tls.ts';
import { createStallWatch } from './stall-watch.ts';
import { createDialer } from './upstream/dialer.ts';
import { createRouteUpstreams, type RouteUpstreams } from './upstream/route-upstreams.ts';

/** The L7 side of a worker: takes sockets whose ClientHello is still unread and serves HTTP on them by a route. */
export interface Terminator extends AsyncDisposable {
  /** The socket's first readable byte is the ClientHello's. From here on the terminator owns the socket. */
  terminate(socket: Socket, connection: ConnectionInfo, route: Route): void;
  /**
   * The route was replaced or removed: what belongs to the old object alone (TLS context, idle upstream connections) is let go.
   * Connections made for it stay; their next request is served by the route that has the host name then.
   */
  retire(route: Route): void;
  /** GOAWAY, `Connection: close`; requests in flight finish. */
  drain(): void;
  /** Client connections open now. To kill one, reset the socket that was handed over; disposal resets all. */
  readonly active: number;
}

export interface TerminatorDeps {
  /** Asked anew for each connection and request; a change of the object is a change of settings. */
  readonly settings: () => ProxySettings;
  readonly reporter: Reporter;
  readonly resolver: Resolver;
  readonly slots: UpstreamSlots;
  readonly pools: BackendPools;
  /** Exact, then the wildcard of one label; never the default route. */
  readonly findRoute: (listener: string, hostname: Hostname) => Route | null;
}

const WATCH_TICK_MS = 1_000;

interface Serving {
  tls: RouteTls | null;
  /** What `tls` was made with. */
  settings: ProxySettings;
  /** Made when the first request needs it. */
  upstreams: RouteUpstreams | null;
}

export function createTerminator(deps: TerminatorDeps): Terminator {
  const { reporter } = deps;
  const serving = new Map<Route, Serving>();
  const retired = new WeakMap<Route, Serving>();
  /** By the socket that was handed over; a failed handshake is told of after that has closed. */
  const connectionOf = new WeakMap<Socket, ClientConnection>();
  const open = new Set<ClientConnection>();
  const dial = createDialer(deps.resolver, deps.slots, () => deps.settings().connectTimeoutMs);
  let draining = false;

  let rotatedAt = performance.now();

  const watch = createStallWatch(WATCH_TICK_MS, (now) => {
    for (const { upstreams } of serving.values()) upstreams?.sweep(now);
    if (now - rotatedAt < deps.settings().ticketRotationMs) return;
    rotatedAt = now;
    for (const { tls } of serving.values()) tls?.rotateTickets();
  });
  const context: L7Context = {
    get settings() {
      return deps.settings();
    },
    reporter,
    watch,
    findRoute: deps.findRoute,
    upstreamsOf,
    isDraining: () => draining,
  };
  function servingOf(route: Route): Serving {
    const settings = deps.settings();
    let entry = serving.get(route) ?? retired.get(route);
    if (!entry) {
      entry = { tls: makeTls(route), settings, upstreams: null };
      serving.set(route, entry);
    } else if (entry.settings !== settings) {
      entry.settings = settings;
      entry.tls = makeTls(route);
    }
    return entry;
  }

  function makeTls(route: Route): RouteTls | null {
    const { certificate, clientCaPem } = route.material;
    if (!certificate) return null;
    try {
      return createRouteTls(certificate, clientCaPem, deps.settings(), { secured, failed });
    } catch (error) {
      reporter.failed(`certificate of ${route.hostname}`, error);
      return null;
    }
  }

  function upstreamsOf(listener: string, route: Route): RouteUpstreams {
    const entry = servingOf(route);
    entry.upstreams ??= createRouteUpstreams(route, deps.pools.poolOf(listener, route), dial);
    return entry.upstreams;
  }

  function terminate(raw: Socket, info: ConnectionInfo, route: Route): void {
    // Errors of a client's connection end that connection; 'close' follows and does the rest.
    raw.on('error', () => raw.destroy());
    if (raw.destroyed) return;
    const { tls } = servingOf(route);
    if (!tls) {
      refuseConnection(reporter, info, route.hostname, 'certificate_unavailable', '');
      raw.resetAndDestroy();
      return;
    }
    const sni = info.sni === null ? null : parseHostname(info.sni);
    const connection: ClientConnection = {
      info,
      route,
      raw,
      byDefault: sni === null || deps.findRoute(info.listener, sni)?.hostname !== route.hostname,
      requests: 0,
      // A handshake goes on, bounded by its deadline: who was accepted before the drain gets an answer.
      shutdown: () => {},
    };
    connectionOf.set(raw, connection);
    open.add(connection);
    raw.once('close', () => open.delete(connection));
    raw.setNoDelay(true);
    tls.accept(raw);
  }

  function secured(raw: Socket, socket: TLSSocket): void {
    socket.on('error', () => socket.destroy());
    const connection = connectionOf.get(raw);
    if (!connection) return void socket.destroy();
    reporter.handshaken(connection.info.listener, socket.isSessionReused());
    if (socket.alpnProtocol === 'h2') serveHttp2(context, socket, connection);
    else serveHttp1(context, socket, connection);
  }

  function failed(raw: Socket, reason: Reason, detail: string): void {
    const connection = connectionOf.get(raw);
    if (connection) refuseConnection(reporter, connection.info, connection.route.hostname, reason, detail);
  }

  function retire(route: Route): void {
    const entry = serving.get(route);
    if (!entry) return;
    entry.upstreams?.close();
    entry.upstreams = null;
    serving.delete(route);
    // Requests under way may still try another backend; when the last is over, nothing holds this.
    retired.set(route, entry);
  }

  return {
    terminate,
    retire,
    drain() {
      draining = true;
      for (const connection of open) connection.shutdown();
    },
    get active() {
      return open.size;
    },
    async [Symbol.asyncDispose]() {
      draining = true;
      for (const { raw } of open) raw.resetAndDestroy();
      for (const route of serving.keys()) retire(route);
      watch[Symbol.dispose]();
    },
  };
}
