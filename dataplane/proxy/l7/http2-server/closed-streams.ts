/** Times max_streams: above what a round trip can bring to its end. */
const ROUNDS = 4;

/**
 * How the last streams ended. What still comes for one that we reset was on its way and is dropped; for one that the client ended, it is
 * an error (RFC 9113 §5.1). Cost: a write a stream, and 2 KiB a connection that had any (max_streams of 128).
 */
export class ClosedStreams {
  /** By number of the stream: its id, negative where we reset it. */
  #ids: Int32Array | null = null;
  readonly #remembered: number;

  constructor(maxStreams: number) {
    this.#remembered = maxStreams * ROUNDS;
  }

  add(id: number, byReset: boolean): void {
    this.#ids ??= new Int32Array(this.#remembered);
    this.#ids[(id >> 1) % this.#remembered] = byReset ? -id : id;
  }

  /** `unknown`: never opened, or long ago. */
  stateOf(id: number): 'reset' | 'ended' | 'unknown' {
    const entry = this.#ids?.[(id >> 1) % this.#remembered];
    if (entry === -id) return 'reset';
    return entry === id ? 'ended' : 'unknown';
  }
}
