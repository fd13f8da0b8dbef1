import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { isFieldText } from '../../http1/field-lines.ts';
import { writeChunk } from '../../http1/write-chunk.ts';
import { headerName } from '../../header-kinds.ts';
import type { OutboundRequest } from '../call.ts';

/** Methods whose requests say that they have no content (RFC 9110 §8.6). */
const ANNOUNCE_NOTHING: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);
const LAST_CHUNK = '0\r\n\r\n';

/**
 * The head as it goes over the wire, latin-1. Null when something in it would end its line: the fronts' parsers have refused
 * that already, and here a mistake of theirs would become a request of its own.
 */
export function requestHead(request: OutboundRequest): string | null {
  const { method, path, authority, fields } = request;
  if (!isFieldText(path) || !isFieldText(authority)) return null;
  let head = `${method} ${path} HTTP/1.1\r\nHost: ${authority}\r\n`;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const value = fields[i + 1] ?? '';
    if (!headerName(name).isToken || !isFieldText(value)) return null;
    head += `${name}: ${value}\r\n`;
  }
  if (request.isUpgrade) head += 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
  if (request.contentLength !== null) head += `Content-Length: ${request.contentLength}\r\n`;
  else if (request.body) head += 'Transfer-Encoding: chunked\r\n';
  else if (ANNOUNCE_NOTHING.has(method)) head += 'Content-Length: 0\r\n';
  return `${head}\r\n`;
}

export interface BodyWriterObserver {
  /** The body broke off, or is not as long as announced: the backend must not take it for a whole one. */
  bodyBroken(error: Error): void;
}

/** Writes a request's body as fast as the socket takes it, in the framing that the head has announced. */
export class BodyWriter {
  readonly #body: Readable;
  readonly #socket: Socket;
  readonly #observer: BodyWriterObserver;
  /** Null: chunked. */
  #left: number | null;
  #isDone = false;
  #isGathering = false;

  constructor(body: Readable, contentLength: number | null, socket: Socket, observer: BodyWriterObserver) {
    this.#body = body;
    this.#left = contentLength;
    this.#socket = socket;
    this.#observer = observer;
    socket.on('drain', this.#onDrain);
    body.on('data', this.#onData);
    body.on('end', this.#onEnd);
    body.on('error', this.#onError);
  }

  /** True once all of it was written. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** The backend has answered or is gone: nobody reads the rest. */
  stop(): void {
    this.#detach();
    if (!this.#isDone) this.#body.destroy();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#left === null) {
      if (!writeChunk(this.#socket, chunk)) this.#body.pause();
      return;
    }
    this.#left -= chunk.length;
    if (this.#left < 0) return this.#break(new Error('the body is longer than its Content-Length'));
    this.#gather();
    if (!this.#socket.write(chunk)) this.#body.pause();
  };

  /** Holds what is written until this turn of the loop ends: TLS yields a body in records of 16 KiB, each of which would be a system call. */
  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#socket.cork();
    setImmediate(this.#release);
  }

  readonly #release = (): void => {
    this.#isGathering = false;
    this.#socket.uncork();
  };

  readonly #onDrain = (): void => {
    this.#body.resume();
  };

  readonly #onEnd = (): void => {
    if (this.#left !== null && this.#left > 0) {
      return this.#break(new Error('the body is shorter than its Content-Length'));
    }
    this.#isDone = true;
    if (this.#left === null) this.#socket.write(LAST_CHUNK, 'latin1');
    this.#detach();
  };

  readonly #onError = (error: Error): void => {
    this.#break(error);
  };

  #break(error: Error): void {
    this.stop();
    this.#observer.bodyBroken(error);
  }

  #detach(): void {
    this.#socket.off('drain', this.#onDrain);
    this.#body.off('data', this.#onData);
    this.#body.off('end', this.#onEnd);
    this.#body.off('error', this.#onError);
  }
}
