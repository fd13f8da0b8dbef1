/** What a client may still send of DATA, and when it is told that it may send more (RFC 9113 §5.2, §6.9). */
export class ReceiveWindow {
  readonly #sizeBytes: number;
  #left: number;
  #returnable = 0;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
    this.#left = sizeBytes;
  }

  /** False: more than was allowed. */
  take(sizeBytes: number): boolean {
    this.#left -= sizeBytes;
    return this.#left >= 0;
  }

  /** So much was used up. Returns the increment to tell the client of: 0 until it is half of the window. */
  giveBack(sizeBytes: number): number {
    this.#returnable += sizeBytes;
    if (this.#returnable < this.#sizeBytes / 2) return 0;
    const increment = this.#returnable;
    this.#left += increment;
    this.#returnable = 0;
    return increment;
  }
}
