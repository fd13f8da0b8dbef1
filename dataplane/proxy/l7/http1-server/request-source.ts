import { Readable } from 'node:stream';
import { ChunkedBody, type BodySink } from '../http1/chunked-body.ts';

const NO_TRAILERS: readonly string[] = [];

/** A request's body as it comes off a client's connection, decoded. Destroyed before its end, it goes on decoding and drops it. */
export class RequestSource extends Readable implements BodySink {
  readonly #chunked: ChunkedBody | null;
  readonly #wanted: () => void;
  #left: number;
  #isComplete = false;
  #isFull = false;

  /** `contentLength`: null for chunked coding. `wanted`: there is room for more. */
  constructor(contentLength: number | null, wanted: () => void) {
    super();
    this.#chunked = contentLength === null ? new ChunkedBody() : null;
    this.#left = contentLength ?? 0;
    this.#wanted = wanted;
    // It may break off before anybody listens; the exchange is told in another way.
    this.on('error', () => undefined);
  }

  /** True once the last of it has come off the connection. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** True when no more should be read before it is wanted. */
  get isFull(): boolean {
    return this.#isFull && !this.destroyed;
  }

  /** What is wrong with its framing, or null. */
  get fault(): string | null {
    return this.#chunked?.hasFailed === true ? this.#chunked.fault : null;
  }

  get trailers(): readonly string[] {
    return this.#chunked?.trailers ?? NO_TRAILERS;
  }

  /** Takes what belongs to the body; returns the index after it. */
  receive(chunk: Buffer, from: number): number {
    const chunked = this.#chunked;
    let at: number;
    if (chunked) {
      at = chunked.push(chunk, from, this);
      this.#isComplete = chunked.isDone;
    } else {
      at = Math.min(chunk.length, from + this.#left);
      this.#left -= at - from;
      this.bodyBytes(chunk, from, at);
      this.#isComplete = this.#left === 0;
    }
    if (this.#isComplete && !this.destroyed) this.push(null);
    return at;
  }

  bodyBytes(chunk: Buffer, from: number, to: number): void {
    if (!this.destroyed && !this.push(chunk.subarray(from, to))) this.#isFull = true;
  }

  override _read(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.#wanted();
  }
}
