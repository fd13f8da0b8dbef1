import type { Socket } from 'node:net';
import type { Route } from '../../model.ts';
import type { OutboundRequest, ResponseSink, Upstream, UpstreamCall } from './call.ts';
import type { Dial, Dialed, SocketReader, TlsPlan } from './dialer.ts';
import { createHttp1Upstream, type Http1Upstream } from './http1/http1-upstream.ts';
import { createHttp2Upstream, type Http2Upstream } from './http2-upstream.ts';
import { UpstreamError } from './upstream-error.ts';

export interface TargetOptions {
  readonly route: Route;
  /** `host:port`. */
  readonly backend: string;
  readonly tls: TlsPlan | null;
  readonly dial: Dial;
  /** Made anew for each connection; null without send_proxy_protocol. */
  readonly proxyHeader: () => Uint8Array | null;
  readonly onConnected: () => void;
}

/** One backend, as one group of clients that may share connections reaches it. */
export interface Target extends Upstream {
  /** Requests under way and performance.now() of the last one's start, for eviction. */
  readonly lastUsedAt: number;
  /** Closes connections that have been idle for long. */
  sweep(now: number): void;
}

const KEEP_ALIVE_MS = 30_000;
const MAX_CONNECTIONS = 1024;
const MAX_RESPONSE_HEADER_BYTES = 64 * 1024;
const H1 = ['http/1.1'];
const H2 = ['h2'];
const EITHER = ['h2', 'http/1.1'];

type Protocol = 'http1' | 'http2' | 'negotiate' | 'unsupported';

/** Chooses the protocol request by request, and keeps the connections of each. */
export function createTarget(options: TargetOptions): Target {
  const { route, backend, tls, dial } = options;
  let http1: Http1Upstream | null = null;
  let http2: Http2Upstream | null = null;
  /** What ALPN said last; the choice of a backend that speaks TLS and was not told a protocol. */
  let learned: 'http1' | 'http2' | null = null;
  let probing: NegotiatedCall[] | null = null;
  /** The connection that found out that the backend wants HTTP/1.1, for the next request to use. */
  let spare: Socket | null = null;
  let lastUsedAt = performance.now();
  let isClosed = false;

  function open(alpn: readonly string[], reader: SocketReader | null, done: (result: Dialed) => void): void {
    dial({ backend, tls, alpn, proxyHeader: options.proxyHeader(), reader }, (result) => {
      if (result.kind === 'connected') options.onConnected();
      else learned = null;
      done(result);
    });
  }

  function overHttp1(): Http1Upstream {
    http1 ??= createHttp1Upstream({
      connect: (reader, done) => {
        const socket = takeSpare();
        // Later, like every dial.
        if (socket) queueMicrotask(() => done({ kind: 'connected', socket, alpn: 'http/1.1', isReading: false }));
        else open(H1, reader, done);
      },
      keepAliveMs: KEEP_ALIVE_MS,
      maxConnections: MAX_CONNECTIONS,
      maxHeaderBytes: MAX_RESPONSE_HEADER_BYTES,
    });
    return http1;
  }

  function takeSpare(): Socket | null {
    const socket = spare;
    spare = null;
    return socket && !socket.destroyed && socket.readable ? socket : null;
  }

  function overHttp2(): Http2Upstream {
    http2 ??= createHttp2Upstream({
      connect: (done) => open(H2, null, (result) => done(requireHttp2(result, tls !== null, backend))),
      scheme: tls ? 'https' : 'http',
      keepAliveMs: KEEP_ALIVE_MS,
      maxHeaderBytes: MAX_RESPONSE_HEADER_BYTES,
    });
    return http2;
  }

  /** The first request asks by ALPN; those that come meanwhile wait for its answer, and its connection serves. */
  function negotiate(sink: ResponseSink): UpstreamCall {
    const call = new NegotiatedCall(sink);
    if (probing) {
      probing.push(call);
      return call;
    }
    const waiting = [call];
    probing = waiting;
    open(EITHER, null, (result) => {
      probing = null;
      if (result.kind === 'failed') {
        for (const call of waiting) call.fail(result.error);
        return;
      }
      learned = result.alpn === 'h2' ? 'http2' : 'http1';
      if (learned === 'http2') overHttp2().adopt(result.socket);
      else spare = result.socket;
      const upstream = learned === 'http2' ? overHttp2() : overHttp1();
      for (const call of waiting) call.start(upstream);
      if (isClosed) close();
    });
    return call;
  }

  function close(): void {
    isClosed = true;
    http1?.close();
    http2?.close();
    spare?.destroy();
  }

  return {
    get lastUsedAt() {
      return lastUsedAt;
    },
    send(sink) {
      lastUsedAt = performance.now();
      const protocol = protocolFor(route, sink.request, learned);
      switch (protocol) {
        case 'http1':
          return overHttp1().send(sink);
        case 'http2':
          return overHttp2().send(sink);
        case 'negotiate':
          return negotiate(sink);
        case 'unsupported': {
          const call = new NegotiatedCall(sink);
          const why = `backend_protocol ${route.backendProtocol} carries no WebSocket`;
          queueMicrotask(() => call.fail(new UpstreamError('backend_protocol', 'response', why)));
          return call;
        }
        default:
          return protocol satisfies never;
      }
    },
    sweep: (now) => http1?.sweep(now),
    close,
  };
}

/** `auto`: HTTP/2 for gRPC, what ALPN says over TLS, else HTTP/1.1. WebSockets are upgrades of HTTP/1.1. */
function protocolFor(route: Route, request: OutboundRequest, learned: 'http1' | 'http2' | null): Protocol {
  switch (route.backendProtocol) {
    case 'http1':
      return 'http1';
    case 'h2c':
    case 'h2':
      return request.isUpgrade ? 'unsupported' : 'http2';
    case 'auto':
      if (request.isUpgrade) return 'http1';
      if (request.isGrpc) return 'http2';
      return route.backendTls ? (learned ?? 'negotiate') : 'http1';
    default:
      return route.backendProtocol satisfies never;
  }
}

function requireHttp2(result: Dialed, overTls: boolean, backend: string): Dialed {
  if (result.kind === 'failed' || !overTls || result.alpn === 'h2') return result;
  result.socket.destroy();
  return {
    kind: 'failed',
    error: new UpstreamError('backend_protocol', 'connect', `${backend}: ALPN chose no h2`),
  };
}

/** A request that waits for the protocol to be known. */
class NegotiatedCall implements UpstreamCall {
  readonly #sink: ResponseSink;
  #call: UpstreamCall | null = null;
  #isOver = false;

  constructor(sink: ResponseSink) {
    this.#sink = sink;
  }

  start(upstream: Upstream): void {
    if (!this.#isOver) this.#call = upstream.send(this.#sink);
  }

  fail(error: UpstreamError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.failed(error);
  }

  resume(): void {
    this.#call?.resume();
  }

  abort(): void {
    this.#isOver = true;
    this.#call?.abort();
  }
}
