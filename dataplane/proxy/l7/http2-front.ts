import { randomBytes } from 'node:crypto';
import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Duplex, Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { ClientConnection, L7Context } from './context.ts';
import { Exchange } from './exchange.ts';
import type { Front, FrontListener, RespondOptions } from './front.ts';
import { headerObject } from './headers.ts';
import { GUARD_OPTIONS, Http2Guard } from './http2-guard.ts';
import type { RawHead } from './request-head.ts';

const STREAM_WINDOW_BYTES = 256 * 1024;
/** Bounds what one client can make us hold: a session's streams share it. */
const SESSION_WINDOW_BYTES = 1024 * 1024;
const SESSION_MEMORY_MB = 16;
const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR, NGHTTP2_FLAG_END_STREAM } = constants;

/** HTTP/2 on a client's connection, through the core stream API. */
export function serveHttp2(context: L7Context, socket: TLSSocket, connection: ClientConnection): void {
  const { settings } = context;
  const session: ServerHttp2Session = performServerHandshake(socket, {
    ...GUARD_OPTIONS,
    maxSessionMemory: SESSION_MEMORY_MB,
    // Somewhat above our own limits, so that a head slightly too large gets 431 with its reason and only a bomb gets a reset.
    maxHeaderListPairs: settings.maxHeaderCount * 2 + 8,
    settings: {
      enablePush: false,
      enableConnectProtocol: true,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxConcurrentStreams: settings.maxStreams,
      maxHeaderListSize: settings.maxHeaderBytes * 2,
    },
  });
  const guard = new Http2Guard(context, connection, session);
  session.setLocalWindowSize(SESSION_WINDOW_BYTES);
  session.on('stream', (stream, _headers, flags, raw) => {
    guard.streamBegan(stream.id ?? 0);
    const endsStream = (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
    new Exchange(context, connection, new Http2Front(guard, stream, raw, endsStream)).run();
  });
  connection.shutdown = () => session.close();
  if (context.isDraining()) session.close();
}

class Http2Front implements Front {
  readonly head: RawHead;
  readonly isUpgrade: boolean;
  readonly source: Readable;
  listener: FrontListener | null = null;
  readonly #guard: Http2Guard;
  readonly #stream: ServerHttp2Stream;
  #trailers: readonly string[] | null = null;
  #requestTrailers: readonly string[] = [];
  #waitsForTrailers = false;
  #isEnded = false;
  #isAborted = false;

  constructor(guard: Http2Guard, stream: ServerHttp2Stream, raw: readonly string[], endsStream: boolean) {
    this.#guard = guard;
    this.#stream = stream;
    this.source = stream;
    const head = readHead(raw, endsStream);
    this.head = head.head;
    this.isUpgrade = head.isWebSocket;
    // A stream without a body is left unread: Node reads it at its close. Read before, it would be destroyed there with its last
    // write still pending, for which Node makes an error with a stack, a tenth of the cost of a request.
    if (!endsStream) stream.on('trailers', (_headers, _flags, trailers) => (this.#requestTrailers = trailers ?? []));
    stream.on('error', () => stream.close());
    stream.on('close', () => this.#closed(this.#isEnded && stream.rstCode === NGHTTP2_NO_ERROR));
  }

  accept(): null {
    return null;
  }

  trailers(): readonly string[] {
    return this.#requestTrailers;
  }

  proceed(): void {
    const { raw, fieldsFrom } = this.head;
    for (let i = fieldsFrom; i < raw.length; i += 2) {
      if (raw[i] === 'expect' && raw[i + 1]?.toLowerCase() === '100-continue') return this.informational(100, []);
    }
  }

  informational(status: number, fields: readonly string[]): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed || stream.headersSent) return;
    stream.additionalHeaders({ ':status': status, ...headerObject(fields) });
  }

  respond(status: number, fields: string[], options: RespondOptions): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    this.#waitsForTrailers = options.hasBody && options.mayHaveTrailers;
    if (this.#waitsForTrailers)
      stream.on('wantTrailers', () => stream.sendTrailers(headerObject(this.#trailers ?? [])));
    this.#isEnded = !options.hasBody;
    fields.unshift(':status', String(status));
    stream.respond(fields, { endStream: !options.hasBody, waitForTrailers: this.#waitsForTrailers });
  }

  write(chunk: Buffer): boolean {
    const stream = this.#stream;
    this.#guard.dataSent();
    if (stream.destroyed || stream.closed || stream.write(chunk)) return true;
    stream.once('drain', () => this.listener?.drained());
    return false;
  }

  end(trailers: readonly string[] | null): void {
    const stream = this.#stream;
    this.#isEnded = true;
    if (stream.destroyed || stream.closed) return;
    this.#trailers = trailers;
    // RFC 9113 §8.1: a server that needs no more of the request says so with NO_ERROR once its response is out.
    if (!this.head.endsStream && !stream.readableEnded) stream.once('finish', () => this.#stopReading());
    stream.end();
  }

  abort(): void {
    this.#isAborted = true;
    this.#stream.close(NGHTTP2_INTERNAL_ERROR);
  }

  tunnel(fields: string[]): Duplex {
    const stream = this.#stream;
    const answer: string[] = [':status', '200'];
    for (let i = 0; i < fields.length; i += 2) {
      if (fields[i] !== 'sec-websocket-accept') answer.push(fields[i] ?? '', fields[i + 1] ?? '');
    }
    this.#isEnded = true;
    if (!stream.destroyed && !stream.closed) stream.respond(answer);
    return stream;
  }

  #closed(isComplete: boolean): void {
    this.listener?.closed(isComplete);
    this.#guard.streamEnded(isComplete ? 'whole' : this.#isAborted ? 'ours' : 'broken');
  }

  #stopReading(): void {
    const stream = this.#stream;
    if (!stream.readableEnded && !stream.closed) stream.close(NGHTTP2_NO_ERROR);
  }
}

/**
 * A WebSocket over HTTP/2 is a CONNECT with a protocol (RFC 8441 §4); the backend gets the handshake of RFC 6455 in its place,
 * with a key that only this hop knows.
 */
function readHead(raw: readonly string[], endsStream: boolean): { head: RawHead; isWebSocket: boolean } {
  let method = '';
  let target = '';
  let authority: string | null = null;
  let protocol = '';
  let fieldsFrom = 0;
  for (; fieldsFrom < raw.length && raw[fieldsFrom]?.startsWith(':'); fieldsFrom += 2) {
    const value = raw[fieldsFrom + 1] ?? '';
    if (raw[fieldsFrom] === ':method') method = value;
    else if (raw[fieldsFrom] === ':path') target = value;
    else if (raw[fieldsFrom] === ':authority') authority = value;
    else if (raw[fieldsFrom] === ':protocol') protocol = value;
  }
  const isWebSocket = method === 'CONNECT' && protocol === 'websocket' && !endsStream;
  const base = { protocol: 'http2', version: '2.0', target, authority } as const;
  if (!isWebSocket) return { head: { ...base, method, raw, fieldsFrom, endsStream }, isWebSocket };
  const fields = [...raw.slice(fieldsFrom), 'sec-websocket-key', randomBytes(16).toString('base64')];
  return { head: { ...base, method: 'GET', raw: fields, fieldsFrom: 0, endsStream: true }, isWebSocket };
}
