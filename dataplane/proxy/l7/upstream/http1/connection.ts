import type { Socket } from 'node:net';
import { readTrailers } from '../../headers.ts';
import { UpstreamError } from '../upstream-error.ts';
import type { Http1Call } from './call.ts';
import { BodyWriter, requestHead, type BodyWriterObserver } from './request-writer.ts';
import type { ResponseHead } from './response-head.ts';
import { ResponseParser, type ResponseHandler } from './response-parser.ts';

export interface ConnectionOwner {
  /** The connection is free for another request. */
  freed(connection: Http1Connection): void;
  /** It is gone. Called once. */
  closed(connection: Http1Connection): void;
}

/** Less than what the backend says, so that a request doesn't meet its FIN. */
const KEEP_ALIVE_MARGIN_MS = 1_000;

/** One connection to a backend: one request at a time, its response parsed as it comes. */
export class Http1Connection implements ResponseHandler, BodyWriterObserver {
  /** How long the backend keeps it idle, in milliseconds; Infinity when it doesn't say. */
  keepAliveMs = Number.POSITIVE_INFINITY;
  /** Set by the owner's sweep while the connection is idle. */
  idleSince: number | null = null;
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #parser: ResponseParser;
  /** What the socket reads into is read into again: bytes that go on must be copied. */
  readonly #isBorrowing: boolean;
  #call: Http1Call | null = null;
  #body: BodyWriter | null = null;
  #isPersistent = true;
  /** A request before this one was answered over it. */
  #isReused = false;
  /** Anything of the answer has come, be it a 1xx. */
  #hasAnswer = false;
  #isBackedUp = false;

  constructor(socket: Socket, isBorrowing: boolean, owner: ConnectionOwner, maxHeaderBytes: number) {
    this.#socket = socket;
    this.#owner = owner;
    this.#isBorrowing = isBorrowing;
    this.#parser = new ResponseParser(this, maxHeaderBytes);
    socket.on('error', this.#onError);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClose);
    if (!isBorrowing) socket.on('data', this.#onData);
  }

  get isUsable(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  send(call: Http1Call): void {
    const { request } = call.sink;
    this.#call = call;
    this.idleSince = null;
    this.#hasAnswer = false;
    call.sink.started();
    const head = requestHead(request);
    if (head === null) return this.#fail('request_invalid', 'a character that no field may have', false);
    this.#parser.begin(request.method);
    this.#socket.write(head, 'latin1');
    // The head goes at once, whatever becomes of the body: the backend may refuse it before a byte of it.
    if (request.body) this.#body = new BodyWriter(request.body, request.contentLength, this.#socket, this);
  }

  resume(): void {
    this.#isBackedUp = false;
    this.#socket.resume();
  }

  destroy(): void {
    this.#call = null;
    this.#parser.stop();
    this.#body?.stop();
    this.#body = null;
    this.#socket.destroy();
  }

  /** Bytes of the backend. False: read no more until resume(). */
  received(chunk: Buffer): boolean {
    this.#parser.push(chunk);
    return !this.#isBackedUp;
  }

  // What the parser says.

  informed({ status, fields }: ResponseHead): void {
    this.#hasAnswer = true;
    this.#call?.sink.informational(status, fields);
  }

  responded(head: ResponseHead): void {
    const { status, fields, framing } = head;
    this.#hasAnswer = true;
    this.#isPersistent = head.isPersistent;
    if (head.keepAliveMs !== null) this.keepAliveMs = Math.max(0, head.keepAliveMs - KEEP_ALIVE_MARGIN_MS);
    this.#call?.sink.responded(status, fields, framing.kind === 'none');
  }

  bodyBytes(chunk: Buffer, from: number, to: number): void {
    const call = this.#call;
    if (!call) return;
    if (!call.sink.data(this.#ownBytes(chunk, from, to))) {
      this.#isBackedUp = true;
      if (!this.#isBorrowing) this.#socket.pause();
    }
  }

  completed(raw: readonly string[], isClean: boolean): void {
    const call = this.#call;
    if (!call) return;
    this.#call = null;
    call.isOver = true;
    const isSent = this.#body?.isDone ?? true;
    this.#body?.stop();
    this.#body = null;
    // First, so that the request that may follow at once finds it.
    if (this.#isPersistent && isClean && isSent && this.isUsable) {
      this.#isReused = true;
      if (this.#isBackedUp) this.resume();
      this.#owner.freed(this);
    } else this.destroy();
    call.sink.ended(raw.length === 0 ? null : readTrailers(raw));
  }

  switched(head: ResponseHead, chunk: Buffer, from: number): void {
    const call = this.#call;
    if (!call?.sink.request.isUpgrade || head.upgrade !== 'websocket' || this.#isBorrowing) {
      return this.#fail('backend_protocol', 'switched to a protocol nobody asked for', false);
    }
    this.#call = null;
    call.isOver = true;
    const socket = this.#socket;
    socket.pause();
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    if (from < chunk.length) socket.unshift(chunk.subarray(from));
    call.sink.upgraded(head.fields, socket);
  }

  broken(fault: string, isUnanswered: boolean): void {
    this.#fail('backend_protocol', fault, isUnanswered);
  }

  // What the request's body and the socket say.

  bodyBroken(error: Error): void {
    this.#fail('request_invalid', error.message, false, error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#parser.push(chunk);
  };

  readonly #onEnd = (): void => {
    this.#parser.end();
    this.destroy();
  };

  readonly #onError = (error: Error): void => {
    this.#fail('backend_protocol', error.message, this.#parser.isUnanswered, error);
  };

  readonly #onClose = (): void => {
    this.#fail('backend_protocol', 'closed', this.#parser.isUnanswered);
    this.#owner.closed(this);
  };

  #fail(reason: 'backend_protocol' | 'request_invalid', message: string, isUnanswered: boolean, cause?: Error): void {
    const call = this.#call;
    // A kept connection that ends before a byte of an answer had been closing when the request was written.
    const isStale = this.#isReused && isUnanswered && !this.#hasAnswer;
    this.destroy();
    call?.fail(new UpstreamError(reason, isStale ? 'idle' : 'response', message, { cause }));
  }

  #ownBytes(chunk: Buffer, from: number, to: number): Buffer {
    if (!this.#isBorrowing) return from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to);
    const own = Buffer.allocUnsafe(to - from);
    chunk.copy(own, 0, from, to);
    return own;
  }
}
