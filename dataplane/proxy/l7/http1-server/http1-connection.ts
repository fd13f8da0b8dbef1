import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Reason } from '../../reasons.ts';
import { refuseConnection, type ClientConnection, type L7Context } from '../context.ts';
import { Exchange } from '../exchange.ts';
import { BARE_LINE_BREAK, HeadBuffer, TOO_LARGE } from '../http1/head-buffer.ts';
import { writeChunk } from '../http1/write-chunk.ts';
import { refusalBody, statusOf } from '../refusal.ts';
import type { Watched } from '../stall-watch.ts';
import { Http1Front } from './http1-front.ts';
import { readRequest } from './request-line.ts';
import { RequestSource } from './request-source.ts';
import { writeResponseHead } from './response-head.ts';

const KEEP_ALIVE_MS = 75_000;
/** After the last response, what the client still sends gets so long: closing at once would reset the response away. */
const LINGER_MS = 5_000;
/** Requests sent ahead (RFC 9112 §9.3.2) wait in here; beyond that the client isn't read. */
const MAX_HELD_BYTES = 64 * 1024;
const EMPTY_LINE_BYTES = 2;
const NOTHING = Buffer.alloc(0);

/** HTTP/1.1 on a client's connection. */
export function serveHttp1(context: L7Context, socket: TLSSocket, connection: ClientConnection): void {
  const client = new Http1Connection(context, socket, connection);
  connection.shutdown = () => client.drain();
}

/**
 * One request after the other: the next one is looked at when the response to the last is out. Requests sent ahead are held, a few.
 * Cost: one object for each connection and one for each request; no timers, no closures for a request.
 */
export class Http1Connection implements Watched {
  readonly #context: L7Context;
  readonly #socket: TLSSocket;
  readonly #connection: ClientConnection;
  readonly #head: HeadBuffer;
  #front: Http1Front | null = null;
  /** The body that is coming in. */
  #source: RequestSource | null = null;
  /** What came and was not read yet; in `#consume`, the chunk at hand from `#at`. */
  #chunk: Buffer = NOTHING;
  #at = 0;
  #isConsuming = false;
  #isPaused = false;
  #isDraining = false;
  /** Nothing that comes is looked at any more. */
  #isClosing = false;
  #isTunnel = false;
  #isFlushScheduled = false;
  /** The watch's time when it first saw the connection wait, or a head that is not whole. */
  #waitsSince: number | null = null;
  #headSince: number | null = null;

  constructor(context: L7Context, socket: TLSSocket, connection: ClientConnection) {
    this.#context = context;
    this.#socket = socket;
    this.#connection = connection;
    this.#head = new HeadBuffer(context.settings.maxHeaderBytes);
    socket.on('data', this.#onData);
    socket.on('drain', this.#onDrain);
    socket.on('end', this.#onEnd);
    socket.once('close', this.#onClose);
    context.watch.add(this);
  }

  // What the request under way asks for.

  /** More than an empty line has come after it, or after its head. */
  get hasMore(): boolean {
    return this.#chunk.length - this.#at > EMPTY_LINE_BYTES;
  }

  /** Its body, with what has come of it already. */
  openBody(contentLength: number | null): RequestSource {
    const source = new RequestSource(contentLength, this.#onWanted);
    this.#source = source;
    if (this.#at < this.#chunk.length) this.#readBody(source);
    return source;
  }

  write(data: Buffer | string): boolean {
    return typeof data === 'string' ? this.#socket.write(data, 'latin1') : this.#socket.write(data);
  }

  writeChunk(chunk: Buffer): boolean {
    return writeChunk(this.#socket, chunk);
  }

  /** The last of the response. */
  finish(data: Buffer | string): void {
    const socket = this.#socket;
    if (typeof data === 'string') socket.write(data, 'latin1', this.#onFlushed);
    else socket.write(data, this.#onFlushed);
  }

  /** Has the request under way flush at the end of this turn. */
  flushLater(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    queueMicrotask(this.#flush);
  }

  reset(): void {
    this.#connection.raw.resetAndDestroy();
  }

  /** From here on bytes. What the client sent ahead of the 101 has waited for it (CVE-2026-2833). */
  switchOver(head: string): Duplex {
    const socket = this.#socket;
    this.#isTunnel = true;
    this.#front = null;
    socket.write(head, 'latin1');
    socket.pause();
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('drain', this.#onDrain);
    const early = this.#chunk.subarray(this.#at);
    this.#chunk = NOTHING;
    this.#at = 0;
    if (early.length > 0) socket.unshift(early);
    return socket;
  }

  /** The first request may be on the way: that is answered, with `Connection: close`, or its deadline comes. */
  drain(): void {
    this.#isDraining = true;
    if (!this.#front && this.#connection.requests > 0) this.#close();
  }

  checkStall(now: number): void {
    if (this.#isTunnel || (this.#front && !this.#isClosing)) return;
    const waitsSince = (this.#waitsSince ??= now);
    const { headerTimeoutMs, idleTimeoutMs } = this.#context.settings;
    if (this.#isClosing || this.#source) {
      if (now - waitsSince >= LINGER_MS) this.#connection.raw.destroy();
    } else if (this.#head.isPartial || this.#connection.requests === 0) {
      this.#headSince ??= now;
      if (now - this.#headSince >= headerTimeoutMs) {
        this.#answer('request_timeout', `a request head was not completed in ${headerTimeoutMs} ms`);
      }
    } else if (now - waitsSince >= Math.min(idleTimeoutMs, KEEP_ALIVE_MS)) this.#close();
  }

  // What the socket says.

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isClosing) return;
    this.#chunk = this.#at < this.#chunk.length ? Buffer.concat([this.#chunk.subarray(this.#at), chunk]) : chunk;
    this.#at = 0;
    this.#consume();
  };

  /** Half of a connection closed can't be told from all of it closed: as always with TLS, the client is taken to be gone. */
  readonly #onEnd = (): void => {
    this.#socket.destroySoon();
  };

  readonly #onDrain = (): void => {
    this.#front?.listener?.drained();
  };

  readonly #onWanted = (): void => {
    this.#resume();
  };

  readonly #flush = (): void => {
    this.#isFlushScheduled = false;
    this.#front?.flush();
  };

  readonly #onFlushed = (error?: Error | null): void => {
    const front = this.#front;
    if (error || !front) return;
    this.#front = null;
    this.#waitsSince = null;
    front.listener?.closed(true);
    const source = this.#source;
    if (!front.isPersistent || this.#isDraining) return this.#close();
    // What is left of the body is dropped as it comes.
    if (source && !source.isComplete) source.destroy();
    this.#resume();
    if (!this.#isConsuming) this.#consume();
  };

  readonly #onClose = (): void => {
    this.#context.watch.delete(this);
    this.#isClosing = true;
    this.#chunk = NOTHING;
    this.#source?.destroy(new Error('the client went away'));
    const front = this.#front;
    this.#front = null;
    if (!this.#isTunnel) front?.listener?.closed(false);
  };

  // Reading.

  #consume(): void {
    this.#isConsuming = true;
    while (this.#at < this.#chunk.length && !this.#isClosing) {
      if (this.#source) this.#readBody(this.#source);
      else if (!this.#front) this.#readHead();
      else break;
    }
    this.#isConsuming = false;
    const left = this.#chunk.length - this.#at;
    if (left === 0) this.#chunk = NOTHING;
    if (left > MAX_HELD_BYTES || this.#source?.isFull) this.#pause();
  }

  #readBody(source: RequestSource): void {
    this.#at = source.receive(this.#chunk, this.#at);
    if (source.isComplete) this.#source = null;
    else if (source.fault !== null) {
      this.#source = null;
      this.#drop();
      // While its head is being looked at, the exchange asks for the fault itself.
      if (this.#front?.source === source) this.#front.malformed(source.fault);
      else if (!this.#front) this.#close();
    }
  }

  #readHead(): void {
    this.#skipEmptyLine();
    const at = this.#head.push(this.#chunk, this.#at);
    if (at < 0) {
      this.#at = this.#chunk.length;
      if (at === TOO_LARGE)
        this.#answer('limit_header_bytes', `more than ${this.#context.settings.maxHeaderBytes} bytes`);
      else if (at === BARE_LINE_BREAK) this.#answer('request_invalid', 'line break');
      return;
    }
    this.#at = at;
    this.#headSince = null;
    this.#waitsSince = null;
    const { text } = this.#head;
    const head = readRequest(text.startsWith('\r\n') ? text.slice(2) : text);
    if (typeof head === 'string') return this.#answer('request_invalid', head);
    const front = new Http1Front(this, head);
    this.#front = front;
    new Exchange(this.#context, this.#connection, front).run();
  }

  /** RFC 9112 §2.2: some clients send one after a body. */
  #skipEmptyLine(): void {
    if (this.#head.isPartial) return;
    if (this.#chunk[this.#at] === 0x0d && this.#chunk[this.#at + 1] === 0x0a) this.#at += 2;
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  #drop(): void {
    this.#chunk = NOTHING;
    this.#at = 0;
    this.#isClosing = true;
    this.#resume();
  }

  // Closing.

  /** An answer to what is no request. */
  #answer(reason: Reason, detail: string): void {
    const { info, route } = this.#connection;
    refuseConnection(this.#context.reporter, info, route.hostname, reason, detail);
    const body = refusalBody(reason, info.id);
    const { text } = writeResponseHead({
      status: statusOf(reason),
      fields: ['content-type', 'text/plain; charset=utf-8', 'content-length', String(body.length)],
      answersHead: false,
      hasBody: true,
      isHttp11: true,
      persistence: 'close',
    });
    this.#socket.write(text + body.toString('latin1'), 'latin1');
    this.#linger();
  }

  #close(): void {
    const isReadOut =
      this.#source === null && this.#at === this.#chunk.length && !this.#head.isPartial && !this.#isClosing;
    if (!isReadOut) return this.#linger();
    this.#isClosing = true;
    this.#socket.destroySoon();
  }

  #linger(): void {
    this.#drop();
    this.#waitsSince = null;
    this.#socket.end();
  }
}
