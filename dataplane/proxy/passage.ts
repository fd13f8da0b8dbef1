import { formatIp, type SocketAddress } from '../net/address.ts';
import type { Hostname } from '../net/hostname.ts';
import type { Arrival, RelayHandle } from '../native/native.ts';
import type { ConnectionInfo } from './report.ts';

/**
 * A connection on its way through the pipeline: what the steps so far found out. There is one for every connection, those that are
 * refused at once included, so what only a report or a list needs is made when it is asked for.
 */
export class Passage {
  readonly listener: string;
  readonly acceptedAt = Date.now();
  readonly peer: SocketAddress;
  client: SocketAddress;
  proxied = false;
  viaId: string | null = null;
  /** True once the PROXY header step is settled (also where none is wanted). */
  headerSettled = false;
  headerBytes = 0;
  admitted = false;
  /** True while a connection to a backend is counted for it. */
  dialed = false;
  /** True while it stands in the gauges. */
  counted = false;
  sni: Hostname | null = null;
  /** Set while a backend is being reached and after. */
  relay: RelayHandle | null = null;
  readonly #arrival: Arrival<Passage>;
  readonly #nextId: () => string;
  #id = '';
  #local: SocketAddress | null = null;
  #info: ConnectionInfo | null = null;

  constructor(arrival: Arrival<Passage>, listener: string, nextId: () => string) {
    this.#arrival = arrival;
    this.#nextId = nextId;
    this.listener = listener;
    this.peer = arrival.peer;
    this.client = arrival.peer;
  }

  get id(): string {
    if (this.#id === '') this.#id = this.#nextId();
    return this.#id;
  }

  /** Where the client connected to; of the PROXY header where there is one. Known as long as the arrival waits. */
  get local(): SocketAddress {
    return (this.#local ??= this.#arrival.local);
  }

  set local(address: SocketAddress) {
    this.#local = address;
  }

  /** To be asked for when the steps before TLS or relay are done: it stays as it was then. */
  get info(): ConnectionInfo {
    return (this.#info ??= {
      id: this.id,
      listener: this.listener,
      clientIp: formatIp(this.client.ip),
      clientPort: this.client.port,
      peerIp: formatIp(this.peer.ip),
      localIp: formatIp(this.local.ip),
      localPort: this.local.port,
      proxied: this.proxied,
      sni: this.sni,
      viaId: this.viaId,
      acceptedAt: this.acceptedAt,
    });
  }
}

/** Ids of the previous hop go into log lines; what isn't plain text goes there as hexadecimal digits. */
export function printableId(id: Uint8Array): string {
  const text = Buffer.from(id).toString('latin1');
  return /^[\x21-\x7e]+$/.test(text) ? text : Buffer.from(id).toString('hex');
}
