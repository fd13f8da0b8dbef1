import { Readable, type Duplex } from 'node:stream';
import type { Front, FrontListener, RespondOptions } from '../front.ts';
import type { RawHead } from '../request-head.ts';
import { fieldBlock, frameHead, headFrames, responseBlock } from './frame-text.ts';
import { encodeStatus } from './hpack/encoder.ts';
import type { Batch, Sender, Turn } from './output.ts';
import { CODE, FLAG, FRAME, MAX_FRAME_BYTES, MAX_WINDOW_BYTES } from './protocol.ts';
import type { ReadRequest } from './read-request.ts';
import type { ReceiveWindow } from './receive-window.ts';
import { RequestSource, StreamTunnel, type BodyOwner, type DataSink } from './stream-body.ts';

/** What a stream asks of its connection. */
export interface StreamOwner {
  /** The stream has something to send; `atOnce`: much. */
  ready(stream: Http2Front, atOnce: boolean): void;
  /** DATA of the stream was used up: `returned` more may come on the stream itself. */
  used(stream: Http2Front, sizeBytes: number, increment: number): void;
  dataSent(): void;
  /** What a block has to begin with. */
  readonly blockPrefix: string;
  /** RST_STREAM by us. The stream is closed already. */
  reset(stream: Http2Front, code: number): void;
  /** The whole response is out. The stream is closed already. */
  completed(stream: Http2Front): void;
}

/** A response waits with up to so many bytes; a client that reads slower than that stops the backend. */
const HIGH_WATER_BYTES = 64 * 1024;
/** So much is not kept for the end of the turn. */
const AT_ONCE_BYTES = 32 * 1024;
const EMPTY: Readable = Readable.from([]);
const NO_TRAILERS: readonly string[] = [];

/** One stream of a client's connection (RFC 9113 §5.1), from its head on: a request, and the response as it is written. */
export class Http2Front implements Front, Sender, BodyOwner {
  readonly id: number;
  readonly head: RawHead;
  readonly isUpgrade: boolean;
  listener: FrontListener | null = null;
  isReady = false;
  emittedBytes = 0;
  readonly #owner: StreamOwner;
  /** Null when the head ended the stream. */
  readonly #sink: (RequestSource | StreamTunnel) | null;
  readonly #window: ReceiveWindow | null;
  readonly #contentLength: number;
  #receivedBytes = 0;
  #trailers: readonly string[] = NO_TRAILERS;
  #sendWindow: number;
  /** Frames to go before any DATA: heads. */
  #heads = '';
  /** DATA to go, the first of it from `#chunkAt` on. */
  #chunks: Buffer[] = [];
  #chunkAt = 0;
  #queuedBytes = 0;
  /** The frame behind the DATA, if it isn't DATA that ends the stream. */
  #tail = '';
  #hasResponded = false;
  #mayHaveTrailers = false;
  #headEndsStream = false;
  #isEnded = false;
  #isFull = false;
  #isTunnel = false;
  #isAllReceived: boolean;
  #isAllSent = false;
  #isClosed = false;

  constructor(owner: StreamOwner, id: number, request: ReadRequest, endsStream: boolean, windows: StreamWindows) {
    this.#owner = owner;
    this.id = id;
    this.head = request.head;
    this.isUpgrade = request.isWebSocket;
    this.#contentLength = request.contentLength;
    this.#isAllReceived = endsStream;
    this.#sendWindow = windows.send;
    this.#window = windows.receive;
    if (endsStream) this.#sink = null;
    else this.#sink = request.isWebSocket ? new StreamTunnel(this) : new RequestSource(this);
  }

  get source(): Readable {
    return this.#sink ?? EMPTY;
  }

  get isAllReceived(): boolean {
    return this.#isAllReceived;
  }

  accept(): null {
    return null;
  }

  trailers(): readonly string[] {
    return this.#trailers;
  }

  // What the client sends.

  /** DATA, padding included. False: more than the window. */
  takeWindow(sizeBytes: number): boolean {
    return this.#window?.take(sizeBytes) ?? false;
  }

  /** False: the body is longer than its content-length (RFC 9113 §8.1.1). */
  receive(chunk: Buffer): boolean {
    this.#receivedBytes += chunk.length;
    const isTooLong = this.#contentLength >= 0 && this.#receivedBytes > this.#contentLength && !this.#isClosed;
    if (isTooLong) this.refuse(CODE.protocolError);
    if (this.#isClosed) this.used(chunk.length);
    else this.#sink?.receive(chunk);
    return !isTooLong;
  }

  /** END_STREAM. False: the body is shorter than its content-length. */
  receivedAll(trailers: readonly string[]): boolean {
    if (this.#isClosed) return true;
    if (this.#contentLength >= 0 && this.#receivedBytes !== this.#contentLength) {
      this.refuse(CODE.protocolError);
      return false;
    }
    this.#isAllReceived = true;
    this.#trailers = trailers;
    this.#sink?.receivedAll();
    if (this.#isTunnel && this.#isAllSent) this.#complete();
    return true;
  }

  /** Widens the window for what we send. False: more than there may be (RFC 9113 §6.9.1). */
  widen(increment: number): boolean {
    this.#sendWindow += increment;
    if (this.#sendWindow > MAX_WINDOW_BYTES) return false;
    if (this.#sendWindow > 0 && this.#queuedBytes > 0) this.#owner.ready(this, false);
    return true;
  }

  /** Ends the stream by our RST_STREAM. */
  refuse(code: number): void {
    if (this.#isClosed) return;
    this.broke();
    this.#owner.reset(this, code);
  }

  /** The stream is over before its time: reset by the client, or its connection is gone. */
  broke(): void {
    if (this.#isClosed) return;
    this.#close();
    this.#sink?.broke();
    this.listener?.closed(false);
  }

  // What the exchange sends.

  proceed(): void {
    const { raw, fieldsFrom } = this.head;
    for (let i = fieldsFrom; i < raw.length; i += 2) {
      if (raw[i] === 'expect' && raw[i + 1]?.toLowerCase() === '100-continue') return this.informational(100, []);
    }
  }

  informational(status: number, fields: readonly string[]): void {
    if (this.#isClosed || this.#hasResponded) return;
    this.#addHead(0, encodeStatus(status) + fieldBlock(fields));
  }

  respond(status: number, fields: string[], options: RespondOptions): void {
    if (this.#isClosed) return;
    const block = responseBlock(status, fields);
    this.#hasResponded = true;
    this.#mayHaveTrailers = options.mayHaveTrailers;
    this.#headEndsStream = !options.hasBody;
    this.#isEnded = !options.hasBody;
    this.#addHead(options.hasBody ? 0 : FLAG.endStream, block);
  }

  write(chunk: Buffer): boolean {
    if (this.#isClosed || chunk.length === 0) return true;
    this.#chunks.push(chunk);
    this.#queuedBytes += chunk.length;
    this.#owner.ready(this, this.#queuedBytes >= AT_ONCE_BYTES);
    this.#isFull = this.#queuedBytes >= HIGH_WATER_BYTES;
    return !this.#isFull;
  }

  end(trailers: readonly string[] | null): void {
    if (this.#isClosed || this.#isEnded) return;
    this.#isEnded = true;
    if (trailers && this.#mayHaveTrailers)
      this.#tail = headFrames(this.id, FLAG.endStream, this.#owner.blockPrefix + fieldBlock(trailers));
    this.#owner.ready(this, false);
  }

  abort(): void {
    // RFC 8441 §5.
    this.refuse(this.#isTunnel ? CODE.cancel : CODE.internalError);
  }

  tunnel(fields: string[]): Duplex {
    const answer: string[] = [];
    for (let i = 0; i < fields.length; i += 2) {
      if (fields[i] !== 'sec-websocket-accept') answer.push(fields[i] ?? '', fields[i + 1] ?? '');
    }
    this.#isTunnel = true;
    this.respond(200, answer, { hasBody: true, mayHaveTrailers: false, closes: false });
    if (!(this.#sink instanceof StreamTunnel)) throw new Error('a tunnel where none was asked for');
    return this.#sink;
  }

  // What the output asks.

  emit(batch: Batch, windowBytes: number): Turn {
    this.emittedBytes = 0;
    if (this.#isClosed || this.#isAllSent) return 'waits';
    if (this.#heads !== '') {
      batch.text(this.#heads);
      this.#heads = '';
    }
    const chunk = this.#chunks[0];
    if (!chunk) return this.#isEnded ? this.#emitEnd(batch) : 'waits';
    const room = Math.min(MAX_FRAME_BYTES, this.#sendWindow, windowBytes);
    if (room <= 0) return this.#sendWindow > 0 ? 'starved' : 'waits';
    const from = this.#chunkAt;
    const to = Math.min(chunk.length, from + room);
    const sizeBytes = to - from;
    this.emittedBytes = sizeBytes;
    this.#sendWindow -= sizeBytes;
    this.#queuedBytes -= sizeBytes;
    const isLast = this.#queuedBytes === 0 && this.#isEnded;
    const endsStream = isLast && this.#tail === '';
    batch.text(frameHead(sizeBytes, FRAME.data, endsStream ? FLAG.endStream : 0, this.id));
    batch.bytes(chunk, from, to);
    this.#owner.dataSent();
    if (to === chunk.length) {
      this.#chunks.shift();
      this.#chunkAt = 0;
    } else this.#chunkAt = to;
    if (isLast) {
      batch.text(this.#tail);
      this.#isAllSent = true;
      return 'ended';
    }
    if (this.#queuedBytes === 0) return 'waits';
    return this.#sendWindow > 0 ? 'more' : 'waits';
  }

  sent(): void {
    if (this.#isClosed) return;
    const hadEnough = this.#isFull;
    if (this.#queuedBytes < AT_ONCE_BYTES) this.#isFull = false;
    if (this.#isTunnel && this.#sink instanceof StreamTunnel && (this.#isEnded ? this.#isAllSent : !this.#isFull)) {
      this.#sink.drained();
    }
    if (this.#isAllSent) {
      // RFC 8441 §5: the two directions of a tunnel end each by itself.
      if (!this.#isTunnel || this.#isAllReceived) this.#complete();
    } else if (hadEnough && !this.#isFull) this.listener?.drained();
  }

  // What the body asks.

  used(sizeBytes: number): void {
    this.#owner.used(
      this,
      sizeBytes,
      this.#isAllReceived || this.#isClosed ? 0 : (this.#window?.giveBack(sizeBytes) ?? 0),
    );
  }

  #emitEnd(batch: Batch): Turn {
    if (!this.#headEndsStream) {
      batch.text(this.#tail === '' ? frameHead(0, FRAME.data, FLAG.endStream, this.id) : this.#tail);
    }
    this.#isAllSent = true;
    return 'ended';
  }

  #addHead(flags: number, block: string): void {
    this.#heads += headFrames(this.id, flags, this.#owner.blockPrefix + block);
    this.#owner.ready(this, false);
  }

  #complete(): void {
    this.#close();
    this.listener?.closed(true);
    if (!this.#isAllReceived) this.#sink?.broke();
    this.#owner.completed(this);
  }

  #close(): void {
    this.#isClosed = true;
    this.#chunks = [];
    this.#heads = '';
    this.#tail = '';
    const unused = (this.#sink as DataSink | null)?.takeUnused() ?? 0;
    if (unused > 0) this.#owner.used(this, unused, 0);
  }
}

export interface StreamWindows {
  readonly send: number;
  readonly receive: ReceiveWindow | null;
}
