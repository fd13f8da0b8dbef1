const EMPTY = new Uint8Array(0);

/**
 * Bytes read but not consumed. The first chunk is kept as it came (a hello mostly comes whole, and then nothing is copied); further
 * ones go to a buffer that doubles, so that a hello dribbled byte by byte costs linear time.
 */
export class PeekBuffer {
  #buffer: Uint8Array = EMPTY;
  #length = 0;

  get bytes(): Uint8Array {
    return this.#length === this.#buffer.length ? this.#buffer : this.#buffer.subarray(0, this.#length);
  }

  append(chunk: Uint8Array): void {
    if (this.#length === 0) {
      this.#buffer = chunk;
      this.#length = chunk.length;
      return;
    }
    const needed = this.#length + chunk.length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2, 1024));
      grown.set(this.bytes);
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = needed;
  }
}
