import type { Socket } from 'node:net';
import { ipFromWords, parseIp, type IpAddress, type SocketAddress } from '../../net/address.ts';
import type { Arrival, ArrivalHandler, ArrivalState, RelayHandle, RelayObserver, RelayPlan } from '../native.ts';
import type { NativeReactor } from '../load.ts';
import { adoptSocket } from './adopt.ts';
import { LENGTH, OFFSET, type Key, type Wire } from './wire.ts';

/** What a connection needs of its reactor. */
export interface CoreHost {
  readonly core: NativeReactor;
  readonly wire: Wire;
  /** Called after each command: one that isn't written while the core waits for decisions is sent at once. */
  decided(): void;
  /** The core says nothing of this connection any more. */
  forget(connection: CoreConnection<unknown>): void;
}

export interface CoreListener {
  readonly handler: ArrivalHandler<unknown>;
  readonly helloTimeoutMs: () => number;
  /** Arrivals of the call that is under way. */
  batch: CoreConnection<unknown>[];
}

const NO_BYTES = new Uint8Array(0);

/**
 * A connection that the core holds, from accept to its end: as an arrival, then as the handle of its relay. One object for both, since
 * this is made for every connection.
 */
export class CoreConnection<Tag> implements Arrival<Tag>, RelayHandle, Key {
  tag: Tag | null = null;
  state: ArrivalState = 'open';
  readonly slot: number;
  readonly generation: number;
  readonly peer: SocketAddress;
  /** Of the relay that is under way. */
  observer: RelayObserver | null = null;
  readonly listener: CoreListener;
  readonly #host: CoreHost;
  #local: SocketAddress | null = null;
  #offset = 0;
  #length = 0;
  #bytes: Uint8Array | null = null;

  /** `at`: the record of its accept. */
  constructor(host: CoreHost, listener: CoreListener, slot: number, generation: number, at: number) {
    this.#host = host;
    this.listener = listener;
    this.slot = slot;
    this.generation = generation;
    this.peer = { ip: host.wire.peerIp(at), port: host.wire.peerPort(at) };
  }

  get local(): SocketAddress {
    return (this.#local ??= socketAddress(this.#host.core.localAddress(this.slot, this.generation)));
  }

  get bytes(): Uint8Array {
    return (this.#bytes ??= this.#length === 0 ? NO_BYTES : this.#host.wire.peeked(this.#offset, this.#length));
  }

  /** `at`: the record that tells where the bytes are. */
  peeked(at: number): void {
    const { events } = this.#host.wire;
    this.#offset = events[at + OFFSET] ?? 0;
    this.#length = events[at + LENGTH] ?? 0;
    this.#bytes = null;
  }

  more(atLeastBytes: number): void {
    this.#host.wire.more(this, atLeastBytes, this.listener.helloTimeoutMs());
    this.#host.decided();
  }

  reset(): void {
    if (this.state === 'closed') return;
    this.#ended();
    this.#host.wire.reset(this);
    this.#host.decided();
  }

  reply(reply: Uint8Array): void {
    this.#ended();
    this.#host.wire.reply(this, reply);
    this.#host.decided();
  }

  adopt(skip: number): Socket {
    this.#ended();
    return adoptSocket(this.#host.core.adopt(this.slot, this.generation, skip));
  }

  relay(plan: RelayPlan, observer: RelayObserver): RelayHandle {
    this.observer = observer;
    this.#host.wire.relay(this, backendIp(plan.host), plan);
    this.#host.decided();
    return this;
  }

  get bytesUp(): number {
    return this.#host.core.bytesUp(this.slot, this.generation);
  }

  get bytesDown(): number {
    return this.#host.core.bytesDown(this.slot, this.generation);
  }

  kill(): void {
    // Until a backend accepted nothing more is said of it.
    if (this.state === 'open') this.#ended();
    this.#host.wire.kill(this);
    this.#host.decided();
  }

  #ended(): void {
    this.state = 'closed';
    this.#host.forget(this);
  }
}

let lastHost = '';
let lastIp: IpAddress = ipFromWords(0, 0, 0, 0);

/** Routes have few backends and connections come in runs: the last address is mostly the one that is asked for. */
function backendIp(host: string): IpAddress {
  if (host === lastHost) return lastIp;
  const ip = parseIp(host);
  if (!ip) throw new RangeError(`not a numeric address: ${JSON.stringify(host)}`);
  lastHost = host;
  lastIp = ip;
  return ip;
}

/** Four words and the port; the unspecified address for a connection that is gone. */
export function socketAddress([a = 0, b = 0, c = 0, d = 0, port = 0]: readonly number[]): SocketAddress {
  return { ip: ipFromWords(a, b, c, d), port };
}
