import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo, Server, Socket } from 'node:net';

import { formatAddress } from '../config/addresses.ts';
import { messageOf } from '../errors/index.ts';
import { defineErrors } from '../errors/index.ts';
import type { CertificateSource } from '../tls/index.ts';
import type { Observer } from './observe.ts';

const listenErrors = defineErrors('http_listener', {
  listen_failed: { http: 500, grpc: 'UNAVAILABLE', retry: false },
});

export type HttpListen = { readonly host: string | null; readonly port: number } | { readonly fd: number };

export type ConnectionLimits = {
  readonly maxConnections: number;
  readonly maxHeaderBytes: number;
  readonly headersTimeoutMs: number;
  /** Between two requests of a kept HTTP/1.1 connection. */
  readonly idleTimeoutMs: number;
  /** Without a byte in either direction, whether a request is under way or not. */
  readonly stallTimeoutMs: number;
};

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

/** A server of either kind, and the sockets below it. */
export type Connections = AsyncDisposable & {
  readonly server: http.Server;
  listen(at: HttpListen): Promise<AddressInfo>;
  /** Takes no more connections, and lets go of those that do nothing. */
  stop(): void;
  dropIdle(): void;
  /** RST to every connection. */
  kill(): void;
};

/** @param certificate null: plain HTTP/1.1 */
export function createConnections(
  handler: Handler,
  certificate: CertificateSource | null,
  limits: ConnectionLimits,
  observer: Observer,
): Connections {
  const server =
    certificate === null ? plainServer(handler, limits) : tlsServer(handler, certificate, limits, observer);
  const sockets = new Set<Socket>();
  const stopFollowing = certificate?.onChange(({ pem }) => {
    secureContextOf(server).setSecureContext({ cert: pem.certPem, key: pem.keyPem, minVersion: 'TLSv1.3' });
  });
  server.maxConnections = limits.maxConnections;
  // Node destroys HTTP/1.1 connections then; sessions of HTTP/2 have a timer of their own.
  server.setTimeout(limits.stallTimeoutMs);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // A client may vanish at any time; what matters is told by the request that it broke.
    socket.on('error', () => undefined);
  });
  server.on('clientError', refuseHead(observer));
  return {
    server,
    async listen(at) {
      const options = 'fd' in at ? { fd: at.fd } : { port: at.port, ...(at.host === null ? {} : { host: at.host }) };
      const shown = 'fd' in at ? `descriptor ${at.fd}` : formatAddress({ kind: 'tcp', ...at });
      server.listen(options);
      try {
        await once(server, 'listening');
      } catch (cause) {
        throw listenErrors.error('listen_failed', `cannot listen on ${shown}: ${messageOf(cause)}`, {}, { cause });
      }
      return server.address() as AddressInfo;
    },
    stop() {
      if (server.listening) server.close();
      server.closeIdleConnections();
    },
    dropIdle: () => server.closeIdleConnections(),
    kill() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    async [Symbol.asyncDispose]() {
      stopFollowing?.();
      if (server.listening) server.close();
      const gone = [...sockets].map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())));
      for (const socket of sockets) socket.destroy();
      await Promise.all(gone);
    },
  };
}

function plainServer(handler: Handler, limits: ConnectionLimits): http.Server {
  return http.createServer(http1Options(limits), handler);
}

function tlsServer(
  handler: Handler,
  certificate: CertificateSource,
  limits: ConnectionLimits,
  observer: Observer,
): http.Server {
  const { pem } = certificate.current();
  const server = http2.createSecureServer({
    ...http1Options(limits),
    allowHTTP1: true,
    cert: pem.certPem,
    key: pem.keyPem,
    minVersion: 'TLSv1.3',
    handshakeTimeout: limits.headersTimeoutMs,
    settings: { maxConcurrentStreams: 128, maxHeaderListSize: limits.maxHeaderBytes, enablePush: false },
    maxSessionMemory: 4,
  });
  server.on('session', (session) => {
    session.setTimeout(limits.stallTimeoutMs, () => session.destroy());
    session.on('error', () => undefined);
  });
  server.on('tlsClientError', () => observer.refusedConnection('tls_handshake'));
  // Its requests and answers have the shape of http's, which is all that the handler uses of them.
  const asHttp = server as unknown as http.Server;
  asHttp.on('request', handler);
  return asHttp;
}

function secureContextOf(server: http.Server): http2.Http2SecureServer {
  return server as unknown as http2.Http2SecureServer;
}

function http1Options(limits: ConnectionLimits) {
  return {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    // Bodies have a time limit of their own; this one would cut off uploads that a handler streams.
    requestTimeout: 0,
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: 1000,
    insecureHTTPParser: false,
    requireHostHeader: true,
  };
}

/** Heads that are no HTTP: there is no request to answer, so the answer is written by hand and the connection ends. */
function refuseHead(observer: Observer): (error: NodeJS.ErrnoException, socket: Server | Socket) => void {
  return (error, connection) => {
    const socket = connection as Socket;
    if (error.code === 'ECONNRESET' || !socket.writable) return;
    const [status, code] = headStatus(error.code);
    observer.refusedConnection(code);
    const body = JSON.stringify({ error: { code, message: status.slice(4).toLowerCase(), details: {} } });
    socket.end(
      `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  };
}

function headStatus(code: string | undefined): [string, string] {
  if (code === 'HPE_HEADER_OVERFLOW') return ['431 Request Header Fields Too Large', 'too_large'];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return ['408 Request Timeout', 'request_timeout'];
  return ['400 Bad Request', 'invalid_argument'];
}
