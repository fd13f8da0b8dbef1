import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { formatIp, parseSocketIp, type IpAddress, type SocketAddress } from '../../net/address.ts';
import type { DatagramBatch, DatagramEngine, DatagramOptions, DatagramSocket } from '../native.ts';

/**
 * The portable twin of the native datagrams, on node:dgram: batches of one. Node does not tell which address a datagram was sent to, so a
 * wildcard becomes one socket for each address of the machine, and the addresses are looked at again every few seconds.
 */
export const portableDatagrams: DatagramEngine = {
  engine: 'portable',
  async bind(options) {
    const { host } = options;
    const every = host === '0.0.0.0' || host === '::';
    const sockets = new SocketSet(options, every ? () => machineAddresses(host) : () => [host]);
    try {
      await sockets.bindAll();
    } catch (error) {
      await sockets.close();
      throw error;
    }
    if (every) sockets.watch();
    return sockets;
  },
};

const RESCAN_MS = 5000;

/** IPv6 link-local addresses are left out: they need a scope that neither side of this boundary carries. */
function machineAddresses(host: string): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, address }) => (family === 'IPv4' || host === '::') && !/^fe[89ab]/i.test(address))
    .map(({ address }) => address);
}

class SocketSet implements DatagramSocket {
  readonly host: string;
  readonly #options: DatagramOptions;
  readonly #addresses: () => readonly string[];
  readonly #bound = new Map<string, Socket>();
  readonly #batch: OneDatagram;
  readonly #counts = { received: 0, sent: 0, dropped: 0 };
  #port: number;
  #rescan: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: DatagramOptions, addresses: () => readonly string[]) {
    this.host = options.host;
    this.#options = options;
    this.#addresses = addresses;
    this.#port = options.port;
    this.#batch = new OneDatagram(options.maxBytes, (bytes, peer, local) => this.send(bytes, peer, local));
  }

  get port(): number {
    return this.#port;
  }

  /** One after the other: of port 0 the first one decides for all. */
  async bindAll(): Promise<void> {
    for (const address of this.#addresses()) {
      if (!this.#bound.has(address)) await this.#bind(address);
    }
  }

  watch(): void {
    this.#rescan = setInterval(() => {
      const present = new Set(this.#addresses());
      for (const [address, socket] of this.#bound) {
        if (present.has(address)) continue;
        this.#bound.delete(address);
        socket.close();
      }
      this.bindAll().catch((error: unknown) => this.#failed(error));
    }, RESCAN_MS);
    this.#rescan.unref();
  }

  send(bytes: Uint8Array, peer: SocketAddress, local: IpAddress): void {
    const socket = this.#bound.get(formatIp(local));
    if (!socket) {
      this.#counts.dropped++;
      return;
    }
    // Node sends in a later turn.
    socket.send(Uint8Array.from(bytes), peer.port, formatIp(peer.ip), (error) => {
      if (error) this.#counts.dropped++;
      else this.#counts.sent++;
    });
  }

  stats(): { received: number; sent: number; dropped: number } {
    return { ...this.#counts };
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#rescan) clearInterval(this.#rescan);
    const sockets = [...this.#bound.values()];
    this.#bound.clear();
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #bind(address: string): Promise<void> {
    const local = parseSocketIp(address);
    if (!local) throw new TypeError(`${address} is no IP address`);
    const type = local.family === 4 ? 'udp4' : 'udp6';
    const socket = createSocket({ type, reusePort: true, ipv6Only: type === 'udp6' });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address, port: this.#port }, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    if (this.#closed) {
      socket.close();
      return;
    }
    this.#port = socket.address().port;
    this.#bound.set(formatIp(local), socket);
    socket.on('error', (error) => this.#failed(error));
    socket.on('message', (message, from) => this.#received(message, from, local));
  }

  #received(message: Buffer, from: RemoteInfo, local: IpAddress): void {
    const ip = parseSocketIp(from.address);
    if (!ip) return;
    this.#counts.received++;
    this.#batch.hold(message, { ip, port: from.port }, local);
    this.#options.handler.received(this.#batch);
    this.#batch.flush();
  }

  #failed(error: unknown): void {
    if (!this.#closed) this.#options.handler.failed(error instanceof Error ? error : new Error(String(error)));
  }
}

type Send = (bytes: Uint8Array, peer: SocketAddress, local: IpAddress) => void;

/** A batch of one datagram; its index is always 0. */
class OneDatagram implements DatagramBatch {
  readonly count = 1;
  readonly output: Uint8Array;
  readonly #send: Send;
  #input: Uint8Array = new Uint8Array(0);
  #peer: SocketAddress | null = null;
  #local: IpAddress | null = null;
  #reply = -1;

  constructor(maxBytes: number, send: Send) {
    this.output = new Uint8Array(maxBytes);
    this.#send = send;
  }

  hold(message: Uint8Array, peer: SocketAddress, local: IpAddress): void {
    this.#input = message;
    this.#peer = peer;
    this.#local = local;
    this.#reply = -1;
  }

  flush(): void {
    if (this.#reply >= 0) this.#send(this.output.subarray(0, this.#reply), this.peer(), this.local());
  }

  get input(): Uint8Array {
    return this.#input;
  }

  start(): number {
    return 0;
  }

  end(): number {
    return Math.min(this.#input.length, this.output.length);
  }

  cut(): boolean {
    return this.#input.length > this.output.length;
  }

  peer(): SocketAddress {
    return held(this.#peer);
  }

  local(): IpAddress {
    return held(this.#local);
  }

  room(): number {
    return 0;
  }

  reply(_index: number, length: number): void {
    if (length > this.output.length)
      throw new RangeError(`a reply of ${length} bytes, of ${this.output.length} at most`);
    this.#reply = length;
  }
}

function held<T>(value: T | null): T {
  if (value === null) throw new Error('no datagram was received yet');
  return value;
}
