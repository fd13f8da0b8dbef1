import { ChunkedBody, type BodySink } from '../../http1/chunked-body.ts';
import { BARE_LINE_BREAK, HeadBuffer, TOO_LARGE } from '../../http1/head-buffer.ts';
import { maybeResponse, readResponseHead, type ResponseHead } from './response-head.ts';

/** What a parser tells. Each call may stop the parser, or begin the next response once one is complete. */
export interface ResponseHandler extends BodySink {
  /** 1xx but 101. */
  informed(head: ResponseHead): void;
  responded(head: ResponseHead): void;
  /** The last of a response. `trailers` as they came. `isClean`: nothing came after it. */
  completed(trailers: readonly string[], isClean: boolean): void;
  /** 101: what follows, `chunk[from, …)` first, is no HTTP. */
  switched(head: ResponseHead, chunk: Buffer, from: number): void;
  /** The last of everything: the connection is of no more use. `isUnanswered`: not a byte of an answer to the request has come. */
  broken(fault: string, isUnanswered: boolean): void;
}

type State = 'idle' | 'head' | 'length' | 'chunked' | 'until-close' | 'stopped';

const NO_TRAILERS: readonly string[] = [];
const NOTHING = Buffer.alloc(0);
const BEGINNING_BYTES = 'HTTP/1.'.length;

/**
 * Parses the responses that come over one connection, one for each `begin`. Strict: where RFC 9112 lets a recipient be generous it
 * isn't. Bytes that nobody asked for break the connection.
 */
export class ResponseParser {
  readonly #handler: ResponseHandler;
  readonly #head: HeadBuffer;
  readonly #chunked = new ChunkedBody();
  #state: State = 'idle';
  #method = '';
  #left = 0;

  constructor(handler: ResponseHandler, maxHeaderBytes: number) {
    this.#handler = handler;
    this.#head = new HeadBuffer(maxHeaderBytes);
  }

  /** The next bytes answer a request with this method. */
  begin(method: string): void {
    this.#method = method;
    this.#state = 'head';
  }

  stop(): void {
    this.#state = 'stopped';
  }

  /** True from `begin` until the first byte comes, and after each 1xx. */
  get isUnanswered(): boolean {
    return this.#state === 'head' && !this.#head.isPartial;
  }

  /** The bytes are the caller's again afterwards. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      switch (this.#state) {
        case 'head':
          at = this.#readHead(chunk, at);
          break;
        case 'length':
          at = this.#readLength(chunk, at);
          break;
        case 'chunked':
          at = this.#readChunked(chunk, at);
          break;
        case 'until-close':
          return this.#handler.bodyBytes(chunk, at, chunk.length);
        case 'idle':
          return this.#break('bytes that nobody asked for');
        case 'stopped':
          return;
        default:
          return this.#state satisfies never;
      }
    }
  }

  /** The connection has ended, in order. */
  end(): void {
    if (this.#state === 'until-close') return void this.#complete(NO_TRAILERS, NOTHING, 0);
    if (this.#state === 'stopped') return;
    const isUnanswered = this.isUnanswered;
    this.#break(isUnanswered ? 'closed' : 'closed in the middle of a response', isUnanswered);
  }

  #readHead(chunk: Buffer, from: number): number {
    const at = this.#head.push(chunk, from);
    if (at === TOO_LARGE) this.#break('head too large');
    else if (at === BARE_LINE_BREAK) this.#break('line break');
    else if (at < 0 && !maybeResponse(this.#head.peek(BEGINNING_BYTES))) this.#break('status line');
    if (at < 0) return chunk.length;
    const head = readResponseHead(this.#head.text, this.#method);
    if (typeof head === 'string') this.#break(head);
    else if (head.status === 101) {
      this.#state = 'stopped';
      this.#handler.switched(head, chunk, at);
    } else if (head.status < 200) this.#handler.informed(head);
    else return this.#beginBody(head, chunk, at);
    return at;
  }

  #beginBody(head: ResponseHead, chunk: Buffer, at: number): number {
    const { framing } = head;
    switch (framing.kind) {
      case 'none':
        this.#handler.responded(head);
        // The handler may have stopped it meanwhile.
        return this.#isIn('head') ? this.#complete(NO_TRAILERS, chunk, at) : chunk.length;
      case 'length':
        this.#left = framing.sizeBytes;
        break;
      case 'chunked':
        this.#chunked.reset();
        break;
      case 'until-close':
        break;
      default:
        return framing satisfies never;
    }
    this.#state = framing.kind;
    this.#handler.responded(head);
    return at;
  }

  #readLength(chunk: Buffer, from: number): number {
    const to = Math.min(chunk.length, from + this.#left);
    this.#left -= to - from;
    this.#handler.bodyBytes(chunk, from, to);
    return this.#left === 0 && this.#isIn('length') ? this.#complete(NO_TRAILERS, chunk, to) : to;
  }

  #readChunked(chunk: Buffer, from: number): number {
    const body = this.#chunked;
    const at = body.push(chunk, from, this.#handler);
    if (!this.#isIn('chunked')) return chunk.length;
    if (body.hasFailed) this.#break(body.fault);
    else if (body.isDone) return this.#complete(body.trailers, chunk, at);
    return at;
  }

  /** What follows in the chunk is nobody's: the next response was not asked for yet. */
  #complete(trailers: readonly string[], chunk: Buffer, at: number): number {
    this.#state = 'idle';
    this.#handler.completed(trailers, at === chunk.length);
    return chunk.length;
  }

  #break(fault: string, isUnanswered = false): void {
    this.#state = 'stopped';
    this.#handler.broken(fault, isUnanswered);
  }

  /** Looked at anew after a call of the handler, which may have changed it. */
  #isIn(state: State): boolean {
    return this.#state === state;
  }
}
