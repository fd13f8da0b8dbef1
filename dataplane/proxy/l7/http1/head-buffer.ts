/** What `HeadBuffer.push` says instead of an index. */
export const PARTIAL = -1;
export const TOO_LARGE = -2;
export const BARE_LINE_BREAK = -3;

const FIRST_HOLD_BYTES = 1024;
const CR = 0x0d;
const LF = 0x0a;
const EMPTY_LINE = Buffer.from('\r\n\r\n');
const NOTHING = Buffer.alloc(0);

/**
 * Gathers the bytes of a head up to its empty line. A head that comes in one piece, as nearly all do, is searched once and never copied;
 * one in pieces is held, at most `maxBytes` of it. The outcome is the same however the bytes are cut.
 */
export class HeadBuffer {
  /** Once a head is whole: its lines, each with its CRLF, without the empty one. Latin-1. */
  text = '';
  readonly #maxBytes: number;
  #held: Buffer = NOTHING;
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** True while a part of a head is held. */
  get isPartial(): boolean {
    return this.#length > 0;
  }

  /** Returns the index in `chunk` after the head, or one of the codes above. The chunk is the caller's again afterwards. */
  push(chunk: Buffer, at: number): number {
    if (this.#length > 0) return this.#append(chunk, at);
    const end = chunk.indexOf(EMPTY_LINE, at);
    if (end === -1 || end + 4 - at > this.#maxBytes) return this.#append(chunk, at);
    this.text = chunk.toString('latin1', at, end + 2);
    return end + 4;
  }

  /** What is held so far, to be judged before it is whole. */
  peek(maxBytes: number): string {
    return this.#held.toString('latin1', 0, Math.min(this.#length, maxBytes));
  }

  #append(chunk: Buffer, at: number): number {
    const before = this.#length;
    const added = Math.min(chunk.length - at, this.#maxBytes - before);
    this.#reserve(before + added);
    const held = this.#held;
    chunk.copy(held, before, at, at + added);
    this.#length = before + added;
    const end = held.subarray(0, this.#length).indexOf(EMPTY_LINE, Math.max(0, before - 3));
    if (end !== -1) {
      this.text = held.toString('latin1', 0, end + 2);
      this.#held = NOTHING;
      this.#length = 0;
      return at + end + 4 - before;
    }
    if (this.#hasBareLineBreak(Math.max(0, before - 1))) return BARE_LINE_BREAK;
    return this.#length === this.#maxBytes ? TOO_LARGE : PARTIAL;
  }

  #reserve(sizeBytes: number): void {
    if (sizeBytes <= this.#held.length) return;
    const doubled = Math.max(FIRST_HOLD_BYTES, this.#held.length * 2, sizeBytes);
    const larger = Buffer.allocUnsafe(Math.min(this.#maxBytes, doubled));
    this.#held.copy(larger, 0, 0, this.#length);
    this.#held = larger;
  }

  /** Such a head may never get its empty line, and whoever sends it has no reason to wait for the deadline. */
  #hasBareLineBreak(from: number): boolean {
    const held = this.#held;
    for (let i = from; i < this.#length; i++) {
      if (held[i] === LF && held[i - 1] !== CR) return true;
      if (held[i] === CR && i + 1 < this.#length && held[i + 1] !== LF) return true;
    }
    return false;
  }
}
