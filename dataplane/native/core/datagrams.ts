import { formatIp, ipFromWords, parseIp, type IpAddress, type SocketAddress } from '../../net/address.ts';
import type { NativeCore, NativeDatagrams } from '../load.ts';
import type { DatagramBatch, DatagramEngine, DatagramSocket } from '../native.ts';
import { socketAddress } from './connection.ts';
import { systemError } from './system-error.ts';

/** Datagrams in Rust (`native-deps/core/src/datagrams`): one system call and one call into JavaScript receive a batch, another sends its replies. */
export function nativeDatagrams({ NativeDatagrams }: NativeCore): DatagramEngine {
  return {
    engine: 'native',
    async bind({ host, port, batch: size, maxBytes, handler }) {
      const ip = parseIp(host);
      if (!ip) throw new RangeError(`a socket needs an address, not ${JSON.stringify(host)}`);
      const batch = new SharedBatch(size, maxBytes);
      const received = (count: number): void => {
        if (count < 0) return handler.failed(systemError('recvmmsg', -count, host));
        batch.count = count;
        handler.received(batch);
      };
      const native = new NativeDatagrams(batch.memory, size, maxBytes, received, { datagrams: 'native' });
      const result = native.bind([...ip.words], port);
      if (result < 0) {
        native.close();
        throw systemError('bind', -result, `${host}:${port}`);
      }
      return new NativeSocket(native);
    },
  };
}

class NativeSocket implements DatagramSocket {
  readonly host: string;
  readonly port: number;
  readonly #native: NativeDatagrams;

  constructor(native: NativeDatagrams) {
    const { ip, port } = socketAddress(native.address());
    this.host = formatIp(ip);
    this.port = port;
    this.#native = native;
  }

  send(bytes: Uint8Array, peer: SocketAddress, local: IpAddress): void {
    this.#native.send(bytes, [...peer.ip.words], peer.port, [...local.words]);
  }

  stats(): ReturnType<NativeDatagrams['figures']> {
    return this.#native.figures();
  }

  close(): Promise<void> {
    this.#native.close();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The layout of `batch.rs`: records of sixteen words, then `maxBytes` for each datagram, then `maxBytes` for each reply. */
const WORDS = 16;
const LENGTH = 0;
const CUT = 1;
const PEER = 2;
const PEER_PORT = 6;
const LOCAL = 7;
const REPLY = 12;

class SharedBatch implements DatagramBatch {
  readonly memory: ArrayBuffer;
  readonly input: Uint8Array;
  readonly output: Uint8Array;
  count = 0;
  readonly #records: Uint32Array;
  readonly #maxBytes: number;

  constructor(size: number, maxBytes: number) {
    const inputAt = size * WORDS * 4;
    this.memory = new ArrayBuffer(inputAt + 2 * size * maxBytes);
    this.input = new Uint8Array(this.memory, inputAt, size * maxBytes);
    this.output = new Uint8Array(this.memory, inputAt + size * maxBytes, size * maxBytes);
    this.#records = new Uint32Array(this.memory, 0, size * WORDS);
    this.#maxBytes = maxBytes;
  }

  start(index: number): number {
    return index * this.#maxBytes;
  }

  end(index: number): number {
    return index * this.#maxBytes + this.#word(index, LENGTH);
  }

  cut(index: number): boolean {
    return this.#word(index, CUT) === 1;
  }

  peer(index: number): SocketAddress {
    return { ip: this.#ip(index, PEER), port: this.#word(index, PEER_PORT) };
  }

  local(index: number): IpAddress {
    return this.#ip(index, LOCAL);
  }

  room(index: number): number {
    return index * this.#maxBytes;
  }

  reply(index: number, length: number): void {
    if (length > this.#maxBytes) throw new RangeError(`a reply of ${length} bytes, of ${this.#maxBytes} at most`);
    this.#records[index * WORDS + REPLY] = length;
  }

  #ip(index: number, from: number): IpAddress {
    const word = (at: number): number => this.#word(index, from + at);
    return ipFromWords(word(0), word(1), word(2), word(3));
  }

  #word(index: number, at: number): number {
    return this.#records[index * WORDS + at] ?? 0;
  }
}
