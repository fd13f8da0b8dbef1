const EMPTY = new Uint8Array(0);

/**
 * Reads big-endian fields from a Uint8Array, without copies and without throwing.
 *
 * A read past the end marks the reader as failed and answers zero (or no bytes); from then on nothing remains, so a loop
 * over `remaining` ends and a parser may read several fields before it looks at `failed` once. A failed sub-reader
 * doesn't fail its parent: the parent has already stepped over the whole range.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #offset: number;
  #failed = false;

  /** Reads bytes[start, end); a range outside of the array is cut to it. */
  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#end = Math.min(end, bytes.length);
    this.#offset = Math.min(start, this.#end);
  }

  /** Position in the underlying array. */
  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#end - this.#offset;
  }

  get failed(): boolean {
    return this.#failed;
  }

  /** Everything was read, and nothing beyond it. */
  get done(): boolean {
    return !this.#failed && this.#offset === this.#end;
  }

  u8(): number {
    const at = this.#advance(1);
    return this.#bytes[at] ?? 0;
  }

  u16(): number {
    const at = this.#advance(2);
    return ((this.#bytes[at] ?? 0) << 8) | (this.#bytes[at + 1] ?? 0);
  }

  u24(): number {
    const at = this.#advance(3);
    return ((this.#bytes[at] ?? 0) << 16) | ((this.#bytes[at + 1] ?? 0) << 8) | (this.#bytes[at + 2] ?? 0);
  }

  u32(): number {
    const at = this.#advance(4);
    const low = ((this.#bytes[at + 1] ?? 0) << 16) | ((this.#bytes[at + 2] ?? 0) << 8) | (this.#bytes[at + 3] ?? 0);
    return (this.#bytes[at] ?? 0) * 0x1000000 + low;
  }

  skip(lengthBytes: number): void {
    this.#advance(lengthBytes);
  }

  /** A view of the next bytes, valid as long as the array isn't reused; empty when they aren't all there. */
  take(lengthBytes: number): Uint8Array {
    const at = this.#advance(lengthBytes);
    return this.#failed ? EMPTY : this.#bytes.subarray(at, at + lengthBytes);
  }

  /** A reader of the next bytes alone. When they aren't all there, both readers are failed and empty. */
  sub(lengthBytes: number): ByteReader {
    const at = this.#advance(lengthBytes);
    const reader = new ByteReader(this.#bytes, at, this.#failed ? at : at + lengthBytes);
    reader.#failed = this.#failed;
    return reader;
  }

  /** Steps forward and answers where the step began; an index past the array, which reads as nothing, when it can't. */
  #advance(lengthBytes: number): number {
    const at = this.#offset;
    if (lengthBytes > this.#end - at) {
      this.#failed = true;
      this.#offset = this.#end;
      return this.#bytes.length;
    }
    this.#offset = at + lengthBytes;
    return at;
  }
}

/** Whether bytes start with the pattern: `partial` when they end before it does and agree so far. */
export function matchPrefix(bytes: Uint8Array, pattern: Uint8Array): 'no' | 'partial' | 'full' {
  const length = Math.min(bytes.length, pattern.length);
  for (let i = 0; i < length; i++) {
    if (bytes[i] !== pattern[i]) return 'no';
  }
  return length === pattern.length ? 'full' : 'partial';
}

/** One character for each byte, U+0000 to U+00FF. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
