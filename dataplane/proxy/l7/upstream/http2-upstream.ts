import { connect, type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2';
import type { Socket } from 'node:net';
import { messageOf } from '../../../../mcdsl/errors/index.ts';
import { headerName } from '../header-kinds.ts';
import { headerObject, readResponseFields, readTrailers } from '../headers.ts';
import type { OutboundRequest, ResponseSink, Upstream, UpstreamCall } from './call.ts';
import type { Dialed } from './dialer.ts';
import { UpstreamError } from './upstream-error.ts';

export interface Http2UpstreamOptions {
  /** Opens a connection on which HTTP/2 is spoken. */
  readonly connect: (done: (result: Dialed) => void) => void;
  readonly scheme: 'http' | 'https';
  readonly keepAliveMs: number;
  readonly maxHeaderBytes: number;
}

export interface Http2Upstream extends Upstream {
  /** Takes a connection over on which the backend has chosen HTTP/2. */
  adopt(socket: Socket): void;
}

/** What a backend may be asked at once before its SETTINGS came, and at most after. */
const STREAMS_AT_FIRST = 100;
const STREAMS_AT_MOST = 1000;
const STREAM_WINDOW_BYTES = 256 * 1024;
const SESSION_WINDOW_BYTES = 1024 * 1024;
/** nghttp2 lets :status be the only pseudo-header of a response, and the first field. */
const FIELDS_FROM = 2;
const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM, NGHTTP2_FLAG_END_STREAM } = constants;

interface Session {
  readonly http2: ClientHttp2Session;
  active: number;
}

/**
 * HTTP/2 to one backend, with prior knowledge or after ALPN. Sessions are opened as streams need them: each takes as many as
 * the backend allows, one that got a GOAWAY takes no more and ends with its last stream.
 */
export function createHttp2Upstream(options: Http2UpstreamOptions): Http2Upstream {
  const sessions = new Set<Session>();
  const waiting: Http2Call[] = [];
  let dialing = 0;
  let isClosed = false;

  function send(sink: ResponseSink): UpstreamCall {
    const call = new Http2Call(sink);
    const session = withRoom();
    if (session) start(call, session);
    else {
      waiting.push(call);
      dialMore();
    }
    return call;
  }

  function withRoom(): Session | null {
    for (const session of sessions) if (roomOf(session) > 0) return session;
    return null;
  }

  function dialMore(): void {
    if (waiting.length <= dialing * STREAMS_AT_FIRST) return;
    dialing++;
    options.connect((result) => {
      dialing--;
      if (result.kind === 'connected') adopt(result.socket);
      else for (const call of waiting.splice(0)) call.fail(result.error);
    });
  }

  function adopt(socket: Socket): void {
    const http2 = connect(`${options.scheme}://backend`, {
      createConnection: () => socket,
      maxSessionMemory: 32,
      settings: {
        enablePush: false,
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxHeaderListSize: options.maxHeaderBytes,
      },
    });
    const session: Session = { http2, active: 0 };
    sessions.add(session);
    http2.on('connect', () => http2.setLocalWindowSize(SESSION_WINDOW_BYTES));
    http2.on('error', forget);
    http2.on('goaway', forget);
    http2.on('close', forget);
    http2.on('remoteSettings', startWaiting);
    http2.setTimeout(options.keepAliveMs, () => {
      if (session.active === 0) http2.close();
    });
    if (isClosed) http2.close();
    startWaiting();

    function forget(): void {
      sessions.delete(session);
      if (waiting.length > 0) dialMore();
    }
  }

  function startWaiting(): void {
    while (waiting.length > 0) {
      const session = withRoom();
      const call = session && waiting.shift();
      if (!session || !call) break;
      if (!call.isOver) start(call, session);
    }
    if (waiting.length > 0) dialMore();
  }

  function start(call: Http2Call, session: Session): void {
    session.active++;
    call.start(session.http2, options.scheme, () => {
      session.active--;
      if (waiting.length > 0) startWaiting();
    });
  }

  return {
    send,
    adopt,
    close() {
      isClosed = true;
      for (const session of sessions) session.http2.close();
    },
  };
}

function roomOf(session: Session): number {
  const { http2 } = session;
  if (http2.closed || http2.destroyed) return 0;
  const allowed = http2.remoteSettings?.maxConcurrentStreams ?? STREAMS_AT_FIRST;
  return Math.min(allowed, STREAMS_AT_MOST) - session.active;
}

class Http2Call implements UpstreamCall {
  isOver = false;
  readonly #sink: ResponseSink;
  #stream: ClientHttp2Stream | null = null;

  constructor(sink: ResponseSink) {
    this.#sink = sink;
  }

  resume(): void {
    this.#stream?.resume();
  }

  abort(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#stream?.close(NGHTTP2_CANCEL);
  }

  fail(error: UpstreamError): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#stream?.close(NGHTTP2_CANCEL);
    this.#sink.failed(error);
  }

  /** `finished` is called once the stream is gone, whatever came of it. */
  start(session: ClientHttp2Session, scheme: string, finished: () => void): void {
    const sink = this.#sink;
    const { request } = sink;
    sink.started();
    let stream: ClientHttp2Stream;
    try {
      stream = session.request(headersOf(request, scheme), {
        endStream: request.body === null,
        waitForTrailers: request.body !== null,
      });
    } catch (error) {
      finished();
      const message = messageOf(error);
      this.fail(new UpstreamError('request_invalid', 'response', message, { cause: error }));
      return;
    }
    this.#stream = stream;
    let hasHead = false;
    let trailers: string[] | null = null;
    let cause: Error | null = null;

    stream.on('headers', (_headers, _flags, raw) => {
      if (!this.isOver) sink.informational(statusOf(raw), readResponseFields(raw, FIELDS_FROM));
    });
    stream.on('response', (_headers, flags, raw) => {
      hasHead = true;
      if (this.isOver) return;
      const isWhole = (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
      sink.responded(statusOf(raw), readResponseFields(raw, FIELDS_FROM), isWhole);
    });
    stream.on('data', (chunk: Buffer) => {
      if (!this.isOver && !sink.data(chunk)) stream.pause();
    });
    stream.on('trailers', (_headers, _flags, raw) => {
      trailers = readTrailers(raw ?? []);
    });
    stream.on('error', (error: Error) => {
      cause = error;
    });
    const wasReset = watchForReset(stream);
    stream.on('end', () => {
      if (this.isOver || !hasHead || wasReset()) return;
      this.isOver = true;
      sink.ended(trailers);
    });
    stream.on('close', () => {
      finished();
      const phase = stream.rstCode === NGHTTP2_REFUSED_STREAM ? 'idle' : 'response';
      const message = cause?.message ?? `stream closed with code ${stream.rstCode}`;
      this.fail(new UpstreamError('backend_protocol', phase, message, { cause }));
    });
    if (request.body) pumpBody(request, request.body, stream);
  }
}

/**
 * Node ends a stream's readable side on RST_STREAM as it does on END_STREAM, and with code NO_ERROR nothing of it is left to see
 * at 'end'. What differs is the order: a reset closes the stream before its end is pushed first. One that follows a whole response
 * (RFC 9113 §8.1, from a server that reads no more of the request) makes Node push the end again.
 */
function watchForReset(stream: ClientHttp2Stream): () => boolean {
  let hasEnd = false;
  let isReset = false;
  const push = stream.push.bind(stream);
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk === null && !hasEnd) {
      hasEnd = true;
      isReset = stream.closed;
    }
    return push(chunk, encoding);
  };
  return () => isReset || stream.rstCode !== NGHTTP2_NO_ERROR;
}

function pumpBody(
  request: OutboundRequest,
  body: NonNullable<OutboundRequest['body']>,
  stream: ClientHttp2Stream,
): void {
  stream.on('wantTrailers', () => stream.sendTrailers(headerObject(request.trailers() ?? [])));
  stream.on('drain', () => body.resume());
  stream.on('close', () => body.destroy());
  body.on('data', (chunk: Buffer) => {
    if (!stream.destroyed && !stream.write(chunk)) body.pause();
  });
  body.on('end', () => stream.end());
  // A body that broke off must not look like one that ended.
  body.on('error', () => stream.close(NGHTTP2_CANCEL));
}

function headersOf(request: OutboundRequest, scheme: string): string[] {
  const headers = [
    ':method',
    request.method,
    ':scheme',
    scheme,
    ':authority',
    request.authority,
    ':path',
    request.path,
  ];
  const { fields } = request;
  for (let i = 0; i < fields.length; i += 2) headers.push(headerName(fields[i] ?? '').lower, fields[i + 1] ?? '');
  if (request.contentLength !== null) headers.push('content-length', String(request.contentLength));
  if (request.acceptsTrailers) headers.push('te', 'trailers');
  return headers;
}

function statusOf(raw: readonly string[]): number {
  return raw[0] === ':status' ? Number(raw[1]) : 0;
}
