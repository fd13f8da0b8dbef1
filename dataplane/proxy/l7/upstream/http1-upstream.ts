import type { Duplex } from 'node:stream';
import { Pool, type Dispatcher } from 'undici';
import { messageOf } from '../../../../mcdsl/errors/index.ts';
import { readResponseObject, readTrailers } from '../headers.ts';
import type { OutboundRequest, ResponseSink, Upstream, UpstreamCall } from './call.ts';
import type { Dialed } from './dialer.ts';
import { UpstreamError } from './upstream-error.ts';

export interface Http1UpstreamOptions {
  /** Opens a connection on which HTTP/1.1 is spoken. */
  readonly connect: (done: (result: Dialed) => void) => void;
  readonly keepAliveMs: number;
  readonly maxConnections: number;
  readonly maxHeaderBytes: number;
}

const ABORTED = new Error('the client went away');

/**
 * HTTP/1.1 to one backend through undici's dispatch interface. Its own timers are off: the exchange's watch knows better who
 * is waited for. Request trailers are dropped, as RFC 9110 §6.5.1 allows.
 */
export function createHttp1Upstream(options: Http1UpstreamOptions): Upstream {
  // The origin is only a label: connections come from `connect`, the Host field from the request.
  const pool = new Pool('http://backend', {
    pipelining: 1,
    connections: options.maxConnections,
    keepAliveTimeout: options.keepAliveMs,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: options.maxHeaderBytes,
    allowH2: false,
    connect: (_target, callback) =>
      options.connect((result) => {
        if (result.kind === 'connected') callback(null, result.socket);
        else callback(result.error, null);
      }),
  });

  return {
    send(sink) {
      const call = new Http1Call(sink);
      const { request } = sink;
      try {
        pool.dispatch(
          {
            method: request.method as Dispatcher.HttpMethod,
            path: request.path,
            headers: headersOf(request),
            body: request.body,
            upgrade: request.isUpgrade ? 'websocket' : null,
          },
          call,
        );
      } catch (error) {
        call.onResponseError(null, error instanceof Error ? error : new Error(String(error)));
      }
      return call;
    },
    close() {
      pool.close().catch(() => pool.destroy());
    },
  };
}

function headersOf(request: OutboundRequest): string[] {
  const headers = request.fields.slice();
  headers.push('host', request.authority);
  if (request.contentLength !== null) headers.push('content-length', String(request.contentLength));
  return headers;
}

class Http1Call implements UpstreamCall, Dispatcher.DispatchHandler {
  readonly #sink: ResponseSink;
  #controller: Dispatcher.DispatchController | null = null;
  #isOver = false;
  #hasHead = false;

  constructor(sink: ResponseSink) {
    this.#sink = sink;
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller?.abort(ABORTED);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) controller.abort(ABORTED);
    else this.#sink.started();
  }

  onRequestUpgrade(
    _controller: Dispatcher.DispatchController,
    _status: number,
    headers: Record<string, string | string[] | undefined>,
    socket: Duplex,
  ): void {
    if (this.#isOver) {
      socket.destroy();
      return;
    }
    this.#isOver = true;
    if (String(headers['upgrade']).toLowerCase() === 'websocket') {
      this.#sink.upgraded(readResponseObject(headers), socket);
      return;
    }
    socket.destroy();
    this.#sink.failed(new UpstreamError('backend_protocol', 'response', 'switched to a protocol nobody asked for'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (this.#isOver) return;
    this.#hasHead = true;
    if (status < 200) this.#sink.informational(status, readResponseObject(headers));
    else this.#sink.responded(status, readResponseObject(headers), false);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#isOver && !this.#sink.data(chunk)) controller.pause();
  }

  onResponseEnd(
    _controller: Dispatcher.DispatchController,
    trailers: Record<string, string | string[] | undefined>,
  ): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.ended(trailersOf(trailers));
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.failed(toUpstreamError(error, this.#hasHead));
  }
}

function trailersOf(trailers: Record<string, string | string[] | undefined>): string[] | null {
  for (const _name in trailers) return readTrailers(readResponseObject(trailers));
  return null;
}

function toUpstreamError(error: Error & { code?: string }, hasHead: boolean): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const message = messageOf(error);
  switch (error.code) {
    case 'UND_ERR_INVALID_ARG':
    case 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH':
      return new UpstreamError('request_invalid', 'response', message, { cause: error });
    case 'UND_ERR_SOCKET':
    case 'BACKEND_RESET':
    case 'EPIPE':
      return new UpstreamError('backend_protocol', hasHead ? 'response' : 'idle', message, { cause: error });
    default:
      return new UpstreamError('backend_protocol', 'response', message, { cause: error });
  }
}
