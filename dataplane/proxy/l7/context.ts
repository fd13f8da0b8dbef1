import type { Socket } from 'node:net';
import type { Hostname } from '../../net/hostname.ts';
import type { ProxySettings, Route } from '../model.ts';
import type { Reason } from '../reasons.ts';
import type { ConnectionInfo, Reporter } from '../report.ts';
import type { StallWatch } from './stall-watch.ts';
import type { RouteUpstreams } from './upstream/route-upstreams.ts';

/** What every request of a terminator stands on. */
export interface L7Context {
  readonly settings: ProxySettings;
  readonly reporter: Reporter;
  readonly watch: StallWatch;
  /** Exact, then wildcard; never the default route. */
  readonly findRoute: (listener: string, hostname: Hostname) => Route | null;
  readonly upstreamsOf: (listener: string, route: Route) => RouteUpstreams;
  readonly isDraining: () => boolean;
}

/** One client's TLS connection and the route it was made for. */
export interface ClientConnection {
  readonly info: ConnectionInfo;
  /** The route object at accept. Requests are served by the object that has its host name when they come. */
  readonly route: Route;
  readonly raw: Socket;
  /** True when the client's SNI is no name of the route: it came by default_route. */
  readonly byDefault: boolean;
  requests: number;
  /** GOAWAY, or the end of idle keep-alive. */
  shutdown: () => void;
}

export function refuseConnection(
  reporter: Reporter,
  info: ConnectionInfo,
  route: string,
  reason: Reason,
  detail: string,
  rule = '',
): void {
  reporter.refused({
    reason,
    rule,
    detail,
    listener: info.listener,
    clientIp: info.clientIp,
    peerIp: info.peerIp,
    sni: info.sni ?? '',
    route,
    connectionId: info.id,
  });
}
