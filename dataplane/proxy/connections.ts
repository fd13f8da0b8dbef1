import type { Route } from './model.ts';
import type { ConnectionInfo } from './report.ts';

export interface LiveConnection {
  readonly info: ConnectionInfo;
  readonly route: Route;
  /** RST to both sides. */
  kill(): void;
}

/** The connections of one worker that have found their route. */
export class ConnectionRegistry {
  readonly #live = new Map<string, LiveConnection>();

  add(connection: LiveConnection): void {
    this.#live.set(connection.info.id, connection);
  }

  remove(id: string): void {
    this.#live.delete(id);
  }

  get size(): number {
    return this.#live.size;
  }

  /** Kills every connection of a route, by name: connections outlive the route object they began with. Returns how many. */
  killRoute(listener: string, hostname: string): number {
    return this.#kill((live) => live.info.listener === listener && live.route.hostname === hostname);
  }

  killAll(): number {
    return this.#kill(() => true);
  }

  #kill(chosen: (live: LiveConnection) => boolean): number {
    const victims = [...this.#live.values()].filter(chosen);
    for (const victim of victims) victim.kill();
    return victims.length;
  }
}
