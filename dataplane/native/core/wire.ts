import { ipFromWords, type IpAddress } from '../../net/address.ts';
import type { RelayPlan } from '../native.ts';

/**
 * What crosses the boundary to the native core, in memory that both sides share: records of twelve 32-bit words, written and read
 * here and in `native-deps/core/src/reactor/wire.rs`; the layout stands there in `shared.rs` too.
 */

/** Kinds of events. */
export const ACCEPTED = 1;
export const BYTES = 2;
export const HELLO_TIMEOUT = 3;
export const CLOSED = 4;
export const CONNECTED = 5;
export const CONNECT_FAILED = 6;
export const RELAY_CLOSED = 7;
export const LISTENER_FAILED = 8;

const MORE = 1;
const RESET = 2;
const REPLY = 3;
const RELAY = 4;
const KILL = 5;

/** Words of a record. */
export const SLOT = 1;
export const GENERATION = 2;
/** Of peeked bytes; where there are none, the errno or the end of a relay. */
export const OFFSET = 3;
export const LENGTH = 4;
export const LISTENER = 5;
const PEER_PORT = 6;
const PEER_WORDS = 7;
/** Low and high word of each. */
export const BYTES_UP = 4;
export const BYTES_DOWN = 6;

export const WORDS = 12;
const RECORDS = 512;
const RECORD_BYTES = WORDS * 4;
const COUNT_AT = RECORDS * RECORD_BYTES;
const COMMANDS_AT = COUNT_AT + RECORD_BYTES;
const BYTES_AT = COMMANDS_AT + RECORDS * RECORD_BYTES;
const COMMAND_BYTES = 64 * 1024;
const AREA_AT = BYTES_AT + COMMAND_BYTES;
/** More than one hello of the largest `hello_max`. Pages that are never used cost nothing. */
const AREA_BYTES = 2 * 1024 * 1024;

/** What a connection is to the core; a key of one that is gone means nothing to it. */
export interface Key {
  readonly slot: number;
  readonly generation: number;
}

/** The shared memory. `flush` makes room: it has the core do what was written so far. */
export class Wire {
  readonly memory = new ArrayBuffer(AREA_AT + AREA_BYTES);
  readonly events = new Int32Array(this.memory, 0, RECORDS * WORDS);
  readonly #count = new Uint32Array(this.memory, COUNT_AT, 1);
  readonly #commands = new Int32Array(this.memory, COMMANDS_AT, RECORDS * WORDS);
  readonly #bytes = new Uint8Array(this.memory, BYTES_AT, COMMAND_BYTES);
  readonly #flush: () => void;
  #bytesUsed = 0;

  constructor(flush: () => void) {
    this.#flush = flush;
  }

  /** A view of peeked bytes; they are written over after this call of the core. */
  peeked(offset: number, length: number): Uint8Array {
    return new Uint8Array(this.memory, AREA_AT + offset, length);
  }

  peerIp(at: number): IpAddress {
    const { events } = this;
    const word = at + PEER_WORDS;
    return ipFromWords(
      (events[word] ?? 0) >>> 0,
      (events[word + 1] ?? 0) >>> 0,
      (events[word + 2] ?? 0) >>> 0,
      (events[word + 3] ?? 0) >>> 0,
    );
  }

  peerPort(at: number): number {
    return this.events[at + PEER_PORT] ?? 0;
  }

  /** A count of 64 bits; exact up to 2^53. */
  count(at: number): number {
    return ((this.events[at] ?? 0) >>> 0) + ((this.events[at + 1] ?? 0) >>> 0) * 2 ** 32;
  }

  more(key: Key, atLeastBytes: number, timeoutMs: number): void {
    const at = this.#command(MORE, key, null);
    this.#commands[at + 3] = atLeastBytes;
    this.#commands[at + 4] = timeoutMs;
  }

  reset(key: Key): void {
    this.#command(RESET, key, null);
  }

  kill(key: Key): void {
    this.#command(KILL, key, null);
  }

  /** At most 64 KiB. */
  reply(key: Key, reply: Uint8Array): void {
    this.#command(REPLY, key, reply);
  }

  relay(key: Key, backend: IpAddress, plan: RelayPlan): void {
    const at = this.#command(RELAY | (plan.port << 16), key, plan.prefix);
    const commands = this.#commands;
    commands[at + 5] = plan.connectTimeoutMs;
    commands[at + 6] = plan.idleTimeoutMs;
    commands[at + 7] = backend.words[0];
    commands[at + 8] = backend.words[1];
    commands[at + 9] = backend.words[2];
    commands[at + 10] = backend.words[3];
    commands[at + 11] = plan.skip;
  }

  /** Where the new command is. `bytes` go with it. */
  #command(kind: number, key: Key, bytes: Uint8Array | null): number {
    const length = bytes === null ? 0 : bytes.length;
    if (this.#count[0] === RECORDS || this.#bytesUsed + length > COMMAND_BYTES) this.#flush();
    const count = this.#count[0] ?? 0;
    // The core sets the count to 0 when it has done the commands; their bytes are free then too.
    if (count === 0) this.#bytesUsed = 0;
    this.#count[0] = count + 1;
    const at = count * WORDS;
    const commands = this.#commands;
    commands[at] = kind;
    commands[at + SLOT] = key.slot;
    commands[at + GENERATION] = key.generation;
    commands[at + 3] = this.#bytesUsed;
    commands[at + 4] = length;
    if (bytes !== null) this.#bytes.set(bytes, this.#bytesUsed);
    this.#bytesUsed += length;
    return at;
  }
}
