import type { Arrival, RelayObserver, RelayPlan, RelayResult } from '../../native/native.ts';
import {
  isExhaustion,
  NONE_TRIED,
  type Backend,
  type BackendPool,
  type BackendPools,
  type ResolvedAddress,
  type Resolver,
} from '../backends/index.ts';
import type { ProxySettings, Route } from '../model.ts';
import type { Passage } from '../passage.ts';
import { encodeProxyV2 } from '../proxy-protocol/index.ts';

/** The L4 side of a worker: finds a backend that accepts, then leaves the bytes to the reactor. */
export interface Relayer {
  relay(arrival: Arrival<Passage>, passage: Passage, route: Route, events: RelayEvents): void;
}

export interface RelayEvents {
  connected(backend: string): void;
  /** Every backend was tried; the arrival still waits for a verb. */
  unreachable(reason: 'backend_unreachable' | 'limit_upstreams', detail: string): void;
  closed(result: RelayResult): void;
}

/** `settings` is asked at each connection, so that a reload counts from the next one on. */
export function createRelayer(resolver: Resolver, pools: BackendPools, settings: () => ProxySettings): Relayer {
  return {
    relay(arrival, passage, route, events) {
      const pool = pools.poolOf(passage.listener, route);
      new Attempt(arrival, passage, route, pool, resolver, settings(), events).next('no backend');
    },
  };
}

/**
 * One connection's search for a backend: each is tried once, each of its addresses in order, and nothing is consumed until one accepts.
 * It then stands for that backend until the relay is over.
 */
class Attempt implements RelayObserver {
  readonly #arrival: Arrival<Passage>;
  readonly #passage: Passage;
  readonly #pool: BackendPool;
  readonly #resolver: Resolver;
  readonly #settings: ProxySettings;
  readonly #events: RelayEvents;
  readonly #prefix: Uint8Array | null;
  #tried = NONE_TRIED;
  #backend: Backend | null = null;
  #address: ResolvedAddress | null = null;
  #index = 0;

  constructor(
    arrival: Arrival<Passage>,
    passage: Passage,
    route: Route,
    pool: BackendPool,
    resolver: Resolver,
    settings: ProxySettings,
    events: RelayEvents,
  ) {
    this.#arrival = arrival;
    this.#passage = passage;
    this.#pool = pool;
    this.#resolver = resolver;
    this.#settings = settings;
    this.#events = events;
    this.#prefix = route.sendProxyProtocol ? proxyHeader(passage) : null;
  }

  next(lastError: string): void {
    const backend = this.#pool.pick(this.#tried);
    if (!backend) {
      this.#events.unreachable('backend_unreachable', lastError);
      return;
    }
    this.#backend = backend;
    const known = this.#resolver.resolved(backend.address);
    if (known) {
      this.#connect(known, 0);
      return;
    }
    this.#resolver.resolve(backend.address).then(
      (address) => this.#unlessGone(() => this.#connect(address, 0)),
      (error: Error) => this.#unlessGone(() => this.#failed(error.message)),
    );
  }

  connected(): void {
    const backend = this.#backend;
    if (!backend) return;
    backend.opened();
    this.#events.connected(backend.address);
  }

  connectFailed(code: string): void {
    const [backend, address, index] = [this.#backend, this.#address, this.#index];
    if (!backend || !address) return;
    this.#passage.relay = null;
    // No backend's fault, and another one would need a descriptor too.
    if (isExhaustion(code)) this.#events.unreachable('limit_upstreams', `${backend.address}: ${code}`);
    else if (index + 1 < address.ips.length) this.#connect(address, index + 1);
    else this.#failed(`${backend.address}: ${code}`);
  }

  closed(result: RelayResult): void {
    this.#backend?.closed();
    this.#events.closed(result);
  }

  #connect(address: ResolvedAddress, index: number): void {
    const host = address.ips[index];
    if (host === undefined) {
      this.#failed(`${this.#backend?.address} has no address`);
      return;
    }
    this.#address = address;
    this.#index = index;
    const plan: RelayPlan = {
      host,
      port: address.port,
      prefix: this.#prefix,
      skip: this.#passage.headerBytes,
      connectTimeoutMs: this.#settings.connectTimeoutMs,
      idleTimeoutMs: this.#settings.idleTimeoutMs,
    };
    this.#passage.relay = this.#arrival.relay(plan, this);
  }

  #failed(error: string): void {
    const backend = this.#backend;
    if (backend) {
      backend.connectFailed();
      this.#tried = new Set([...this.#tried, backend.address]);
    }
    this.next(error);
  }

  #unlessGone(step: () => void): void {
    if (this.#arrival.state === 'open') step();
  }
}

function proxyHeader(passage: Passage): Uint8Array {
  return encodeProxyV2({
    source: passage.client,
    destination: passage.local,
    ...(passage.sni === null ? {} : { authority: passage.sni }),
    uniqueId: Buffer.from(passage.id, 'latin1'),
  });
}
