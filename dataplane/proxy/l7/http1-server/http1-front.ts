import { Readable, type Duplex } from 'node:stream';
import type { Front, FrontListener, RespondOptions } from '../front.ts';
import type { RawHead, RequestHead } from '../request-head.ts';
import type { Http1Connection } from './http1-connection.ts';
import type { RequestSource } from './request-source.ts';
import { writeInformationalHead, writeResponseHead, writeTrailers, type ResponseFraming } from './response-head.ts';

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
/** A body's beginning of up to so many bytes waits for the end of the turn, to share a TLS record with the head and what follows. */
const SMALL_BYTES = 16 * 1024;
const EMPTY: Readable = Readable.from([]);

/** One request on a client's connection of HTTP/1.1, and the response as it is written. */
export class Http1Front implements Front {
  readonly head: RawHead;
  listener: FrontListener | null = null;
  isUpgrade = false;
  readonly #connection: Http1Connection;
  #source: RequestSource | null = null;
  #expects = false;
  #hasProceeded = false;
  #hasResponded = false;
  /** False until the head was found good: nobody knows what comes after it. */
  #isPersistent = false;
  #framing: ResponseFraming = 'none';
  /** Of a body of known length: what is still to be written. */
  #left = 0;
  /** Written in this turn, not sent: the response's head and the beginning of its body. */
  #heldText = '';
  #heldChunk: Buffer | null = null;
  #isEnded = false;

  constructor(connection: Http1Connection, head: RawHead) {
    this.#connection = connection;
    this.head = head;
  }

  get source(): Readable {
    return this.#source ?? EMPTY;
  }

  /** The connection may serve another request after this one. */
  get isPersistent(): boolean {
    return this.#isPersistent;
  }

  accept(head: RequestHead): string | null {
    const { fields } = head;
    const tokens = fields.connection === '' ? '' : `,${fields.connection.toLowerCase().replace(/[ \t]/g, '')},`;
    const isHttp11 = this.head.version === '1.1';
    this.isUpgrade =
      tokens.includes(',upgrade,') &&
      head.method === 'GET' &&
      !head.hasBody &&
      fields.upgrade.toLowerCase() === 'websocket';
    // After a refused handshake the client may go on with frames, which must not be read as requests.
    this.#isPersistent =
      !this.isUpgrade && !tokens.includes(',close,') && (isHttp11 || tokens.includes(',keep-alive,'));
    if (!head.hasBody) {
      // What follows the last request may be the body that the client thinks it has (CVE-2026-2835).
      return this.#isPersistent || this.isUpgrade || !this.#connection.hasMore ? null : 'bytes after the last request';
    }
    this.#expects = isHttp11 && fields.expect.toLowerCase() === '100-continue';
    this.#source = this.#connection.openBody(head.contentLength);
    return this.#source.fault;
  }

  trailers(): readonly string[] {
    return this.#source?.trailers ?? [];
  }

  proceed(): void {
    if (!this.#expects || this.#hasProceeded || this.#hasResponded) return;
    this.#hasProceeded = true;
    this.#connection.write(CONTINUE);
  }

  informational(status: number, fields: readonly string[]): void {
    if (this.head.version === '1.1') this.#connection.write(writeInformationalHead(status, fields));
  }

  respond(status: number, fields: string[], options: RespondOptions): void {
    // A client that waits for 100 and got its answer first may send the body or not: nobody can tell what comes next.
    if (options.closes || (this.#expects && !this.#hasProceeded)) this.#isPersistent = false;
    const isHttp11 = this.head.version === '1.1';
    const head = writeResponseHead({
      status,
      fields,
      answersHead: this.head.method === 'HEAD',
      hasBody: options.hasBody,
      isHttp11,
      persistence: persistenceOf(this.#isPersistent, isHttp11),
    });
    if (head.framing === 'until-close') this.#isPersistent = false;
    this.#hasResponded = true;
    this.#framing = head.framing;
    this.#left = head.contentLength;
    this.#heldText = head.text;
    this.#connection.flushLater();
  }

  write(chunk: Buffer): boolean {
    if (this.#framing === 'length') this.#left -= chunk.length;
    if (this.#heldText !== '' && this.#heldChunk === null && chunk.length <= SMALL_BYTES) {
      this.#heldChunk = chunk;
      return true;
    }
    this.flush();
    return this.#framing === 'chunked' ? this.#connection.writeChunk(chunk) : this.#connection.write(chunk);
  }

  end(trailers: readonly string[] | null): void {
    this.#isEnded = true;
    // More than announced, or less: the client would take what follows for its body, or wait for it.
    if (this.#framing === 'length' && this.#left !== 0) return this.abort();
    const tail = this.#framing === 'chunked' ? `0\r\n${writeTrailers(trailers)}` : '';
    this.#connection.finish(this.#takeHeld(tail));
  }

  /** Sends what is held. */
  flush(): void {
    if (this.#heldText !== '' && !this.#isEnded) this.#connection.write(this.#takeHeld(''));
  }

  abort(): void {
    this.#connection.reset();
  }

  tunnel(fields: string[]): Duplex {
    return this.#connection.switchOver(writeInformationalHead(101, fields));
  }

  /** The client sent a body that is none. */
  malformed(detail: string): void {
    this.#isPersistent = false;
    this.listener?.malformed(detail);
  }

  #takeHeld(tail: string): Buffer | string {
    const chunk = this.#heldChunk;
    const isChunked = this.#framing === 'chunked' && chunk !== null;
    const before = isChunked ? `${this.#heldText}${chunk.length.toString(16)}\r\n` : this.#heldText;
    const after = isChunked ? `\r\n${tail}` : tail;
    this.#heldText = '';
    this.#heldChunk = null;
    if (chunk === null) return before + after;
    const all = Buffer.allocUnsafe(before.length + chunk.length + after.length);
    all.write(before, 0, 'latin1');
    all.set(chunk, before.length);
    if (after !== '') all.write(after, before.length + chunk.length, 'latin1');
    return all;
  }
}

function persistenceOf(isPersistent: boolean, isHttp11: boolean): 'default' | 'close' | 'keep-alive' {
  if (!isPersistent) return 'close';
  return isHttp11 ? 'default' : 'keep-alive';
}
