import type { Route, RouteMode } from './model.ts';
import type { ConnectionInfo } from './report.ts';

export interface LiveConnection {
  readonly info: ConnectionInfo;
  readonly route: Route;
  /** Asked only when somebody lists connections. */
  traffic(): ConnectionTraffic;
  /** RST to both sides. */
  kill(): void;
}

export interface ConnectionTraffic {
  /** Empty while one is being reached, and on L7, where each request has its own. */
  readonly backend: string;
  /** L4: relayed bytes. L7: bytes of the client's socket, TLS included. */
  readonly bytesUp: number;
  readonly bytesDown: number;
}

/** A connection as plain data, fit to be sent to the main thread. */
export interface ConnectionView extends ConnectionInfo, ConnectionTraffic {
  readonly route: string;
  readonly mode: RouteMode;
}

/** Empty strings match all. */
export interface ConnectionFilter {
  readonly listener: string;
  /** Of the route, or the SNI; normalised. */
  readonly hostname: string;
  /** Of the client; canonical. */
  readonly clientIp: string;
  /** The oldest so many. */
  readonly limit: number;
}

export interface ConnectionPage {
  readonly connections: readonly ConnectionView[];
  /** That matched, beyond the limit too. */
  readonly total: number;
}

/**
 * The connections of one worker that have found their route. They are added and removed at each connection and looked up by id when
 * an operator names one, so a set of objects and not a table by id.
 */
export class ConnectionRegistry {
  readonly #live = new Set<LiveConnection>();

  add(connection: LiveConnection): void {
    this.#live.add(connection);
  }

  remove(connection: LiveConnection): void {
    this.#live.delete(connection);
  }

  get size(): number {
    return this.#live.size;
  }

  /** Reads every connection and copies those of the answer. A set keeps its order: the oldest come first. */
  list(filter: ConnectionFilter): ConnectionPage {
    const connections: ConnectionView[] = [];
    let total = 0;
    for (const live of this.#live) {
      if (!matches(live, filter)) continue;
      total++;
      if (connections.length < filter.limit) connections.push(viewOf(live));
    }
    return { connections, total };
  }

  /** Returns the connection as it was; null: there is none of that id. */
  kill(id: string): ConnectionView | null {
    for (const live of this.#live) {
      if (live.info.id !== id) continue;
      const view = viewOf(live);
      live.kill();
      return view;
    }
    return null;
  }

  /** Kills every connection of a route, by name: connections outlive the route object they began with. Returns how many. */
  killRoute(listener: string, hostname: string): number {
    return this.#kill((live) => live.info.listener === listener && live.route.hostname === hostname);
  }

  killAll(): number {
    return this.#kill(() => true);
  }

  #kill(chosen: (live: LiveConnection) => boolean): number {
    const victims = [...this.#live].filter(chosen);
    for (const victim of victims) victim.kill();
    return victims.length;
  }
}

/** Of several registries: the oldest of all. */
export function mergePages(pages: readonly ConnectionPage[], limit: number): ConnectionPage {
  return {
    connections: pages
      .flatMap(({ connections }) => connections)
      .sort((a, b) => a.acceptedAt - b.acceptedAt)
      .slice(0, limit),
    total: pages.reduce((sum, { total }) => sum + total, 0),
  };
}

function matches({ info, route }: LiveConnection, { listener, hostname, clientIp }: ConnectionFilter): boolean {
  if (listener !== '' && info.listener !== listener) return false;
  if (clientIp !== '' && info.clientIp !== clientIp) return false;
  return hostname === '' || route.hostname === hostname || info.sni === hostname;
}

function viewOf(live: LiveConnection): ConnectionView {
  const { info, route } = live;
  return { ...info, ...live.traffic(), route: route.hostname, mode: route.mode };
}
