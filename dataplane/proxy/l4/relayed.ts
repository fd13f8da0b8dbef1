import type { Arrival, RelayResult } from '../../native/native.ts';
import type { ConnectionTraffic, LiveConnection } from '../connections.ts';
import type { Route } from '../model.ts';
import type { Passage } from '../passage.ts';
import type { ConnectionInfo, RelayRecord } from '../report.ts';
import type { RelayEvents } from './relayer.ts';

/** What becomes of an L4 connection, for whoever counts and reports. */
export interface RelayedObserver {
  unreachable(relayed: RelayedConnection, reason: 'backend_unreachable' | 'limit_upstreams', detail: string): void;
  closed(relayed: RelayedConnection, result: RelayResult): void;
}

/** An L4 connection from its route to its end; one object is its place in the registry, its events and its line in the access log. */
export class RelayedConnection implements LiveConnection, RelayEvents {
  readonly arrival: Arrival<Passage>;
  readonly passage: Passage;
  readonly route: Route;
  readonly #observer: RelayedObserver;
  #backend = '';

  constructor(arrival: Arrival<Passage>, passage: Passage, route: Route, observer: RelayedObserver) {
    this.arrival = arrival;
    this.passage = passage;
    this.route = route;
    this.#observer = observer;
  }

  get info(): ConnectionInfo {
    return this.passage.info;
  }

  traffic(): ConnectionTraffic {
    const { relay } = this.passage;
    return { backend: this.#backend, bytesUp: relay?.bytesUp ?? 0, bytesDown: relay?.bytesDown ?? 0 };
  }

  kill(): void {
    const { relay } = this.passage;
    if (relay) relay.kill();
    else this.arrival.reset();
    // Before a backend accepted, a kill is the last that is heard of it.
    if (this.#backend === '') this.closed({ end: 'killed', bytesUp: 0, bytesDown: 0 });
  }

  connected(backend: string): void {
    this.#backend = backend;
  }

  unreachable(reason: 'backend_unreachable' | 'limit_upstreams', detail: string): void {
    this.#observer.unreachable(this, reason, detail);
  }

  closed(result: RelayResult): void {
    this.#observer.closed(this, result);
  }

  record({ end, bytesUp, bytesDown }: RelayResult): RelayRecord {
    const { passage, route } = this;
    return {
      // Made only for those whose line is written.
      get connection() {
        return passage.info;
      },
      route: route.hostname,
      backend: this.#backend,
      durationMs: Date.now() - passage.acceptedAt,
      bytesUp,
      bytesDown,
      end,
    };
  }
}
