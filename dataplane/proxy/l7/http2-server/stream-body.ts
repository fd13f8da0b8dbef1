import { Duplex, Readable } from 'node:stream';

/** Where the DATA of a request goes. */
export interface DataSink {
  receive(chunk: Buffer): void;
  receivedAll(): void;
  /** The stream is gone. Ends what has not come to an end. */
  broke(): void;
  /** Bytes that were received and never used up. */
  takeUnused(): number;
}

/** What a body asks of its stream. */
export interface BodyOwner {
  /** So many bytes went on; the client may send more. */
  used(sizeBytes: number): void;
  /** False: wait for `drained`, which comes after the end too. */
  write(chunk: Buffer): boolean;
  end(trailers: null): void;
  abort(): void;
}

/** A request's body. Holds at most a stream's window. */
export class RequestSource extends Readable implements DataSink {
  readonly #owner: BodyOwner;
  #unused = 0;

  constructor(owner: BodyOwner) {
    super();
    this.#owner = owner;
    // It may break off before anybody listens; the exchange is told in another way.
    this.on('error', () => undefined);
  }

  receive(chunk: Buffer): void {
    if (this.push(chunk)) this.#owner.used(chunk.length);
    else this.#unused += chunk.length;
  }

  receivedAll(): void {
    this.push(null);
  }

  broke(): void {
    if (!this.readableEnded) this.destroy(new Error('the client broke its request off'));
  }

  takeUnused(): number {
    const unused = this.#unused;
    this.#unused = 0;
    return unused;
  }

  override _read(): void {
    const unused = this.takeUnused();
    if (unused > 0) this.#owner.used(unused);
  }
}

/** The bytes both ways of a stream that became a WebSocket (RFC 8441 §5). */
export class StreamTunnel extends Duplex implements DataSink {
  readonly #owner: BodyOwner;
  #unused = 0;
  /** What waits for the client to take what was written. */
  #waiting: (() => void) | null = null;

  constructor(owner: BodyOwner) {
    super();
    this.#owner = owner;
    this.on('error', () => undefined);
  }

  receive(chunk: Buffer): void {
    if (this.push(chunk)) this.#owner.used(chunk.length);
    else this.#unused += chunk.length;
  }

  receivedAll(): void {
    this.push(null);
  }

  broke(): void {
    if (!this.readableEnded || !this.writableFinished) this.destroy(new Error('the client is gone'));
  }

  takeUnused(): number {
    const unused = this.#unused;
    this.#unused = 0;
    return unused;
  }

  drained(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.();
  }

  override _read(): void {
    const unused = this.takeUnused();
    if (unused > 0) this.#owner.used(unused);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#owner.write(chunk)) done();
    else this.#waiting = done;
  }

  override _final(done: () => void): void {
    // Only then may it be destroyed, which would break off what is not sent.
    this.#waiting = done;
    this.#owner.end(null);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#owner.abort();
    done(error);
  }
}
