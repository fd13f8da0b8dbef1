import { Readable } from 'node:stream';

/** What a request's body tells its exchange. */
export interface BodyObserver {
  /** The upstream reads for the first time. */
  bodyWanted(): void;
  bodyRead(sizeBytes: number): void;
  /** The body has passed max_body; it was broken off. */
  bodyTooLarge(): void;
}

/**
 * A request's body on its way to the upstream. It stands between because upstreams destroy the body they were given when they
 * fail, and the client's connection has to outlive that: to get the answer. Holds at most one buffer of Readable's own bound.
 */
export class RequestBody extends Readable {
  readonly #source: Readable;
  readonly #observer: BodyObserver;
  readonly #maxBytes: number;
  #sizeBytes = 0;
  #isStarted = false;
  #isBroken = false;

  constructor(source: Readable, observer: BodyObserver, maxBytes: number) {
    super();
    this.#source = source;
    this.#observer = observer;
    this.#maxBytes = maxBytes;
    // It may break off before an upstream listens; the exchange knows without being told.
    this.on('error', () => undefined);
  }

  /** True once the whole body has come from the client. */
  get isComplete(): boolean {
    return this.readableEnded || this.#source.readableEnded;
  }

  /** True once the client has broken it off. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  override _read(): void {
    if (this.#isStarted) {
      this.#source.resume();
      return;
    }
    this.#isStarted = true;
    const source = this.#source;
    source.on('data', this.#onData);
    source.on('end', this.#onEnd);
    source.on('aborted', this.#onBroken);
    source.on('error', this.#onBroken);
    source.on('close', this.#onBroken);
    this.#observer.bodyWanted();
    // What happened while the upstream was connecting was told to nobody.
    if (source.readableEnded) this.push(null);
    else if (source.readableAborted || source.destroyed) this.#onBroken();
    else source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const source = this.#source;
    source.removeListener('data', this.#onData);
    source.removeListener('end', this.#onEnd);
    source.pause();
    callback(error);
  }

  #onData = (chunk: Buffer): void => {
    this.#sizeBytes += chunk.length;
    if (this.#maxBytes > 0 && this.#sizeBytes > this.#maxBytes) {
      this.#observer.bodyTooLarge();
      return;
    }
    this.#observer.bodyRead(chunk.length);
    if (!this.push(chunk)) this.#source.pause();
  };

  #onEnd = (): void => {
    this.push(null);
  };

  /** The client broke off: the upstream must see that too, not a shorter body. */
  #onBroken = (): void => {
    if (this.#source.readableEnded || this.readableEnded) return;
    this.#isBroken = true;
    this.destroy(new Error('the client broke its request off'));
  };
}
