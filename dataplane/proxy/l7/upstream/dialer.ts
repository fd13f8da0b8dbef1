import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { messageOf } from '../../../../mcdsl/errors/index.ts';
import type { Route } from '../../model.ts';
import { isExhaustion, type ResolvedAddress, type Resolver } from '../../backends/index.ts';
import type { UpstreamSlots } from '../../gauges.ts';
import { UpstreamError } from './upstream-error.ts';

/** How a route's backends are spoken to below HTTP. */
export interface TlsPlan {
  readonly context: SecureContext;
  readonly verify: boolean;
  /** Empty: no SNI is sent, as for an address. */
  readonly serverName: string;
}

export interface DialRequest {
  /** `host:port`. */
  readonly backend: string;
  readonly tls: TlsPlan | null;
  readonly alpn: readonly string[];
  /** Written before anything else, TLS included. */
  readonly proxyHeader: Uint8Array | null;
  /** Takes the bytes of a connection in clear in place of 'data' events: no buffer is made for each read. */
  readonly reader: SocketReader | null;
  /** Breaks the attempt off, and the connection after it; left out by those who wait for connectTimeoutMs. */
  readonly signal?: AbortSignal;
}

/** As node:net's `onread`: one buffer for every read. False from the callback pauses the socket. */
export interface SocketReader {
  readonly buffer: Uint8Array;
  readonly callback: (sizeBytes: number) => boolean;
}

export type Dialed =
  | {
      readonly kind: 'connected';
      readonly socket: Socket;
      readonly alpn: string | null;
      /** The request's reader gets the bytes; no 'data' events come. */
      readonly isReading: boolean;
    }
  | { readonly kind: 'failed'; readonly error: UpstreamError };

export type Dial = (request: DialRequest, done: (result: Dialed) => void) => void;

const KEEP_ALIVE_DELAY_MS = 60_000;

/** Null when the route speaks to its backends in clear. Throws when backend_ca is no PEM. */
export function tlsPlanOf(route: Route): TlsPlan | null {
  if (!route.backendTls) return null;
  const name = route.backendServerName || (route.hostname.startsWith('*.') ? '' : route.hostname);
  const ca = route.material.backendCaPem;
  return {
    context: createSecureContext({ minVersion: 'TLSv1.2', ...(ca === null ? {} : { ca }) }),
    verify: route.backendVerify === 'ca',
    serverName: isIP(name) === 0 ? name : '',
  };
}

/**
 * Opens connections: resolve → TCP (each address in turn) → PROXY header → TLS, within connectTimeoutMs for each of TCP and TLS.
 * `done` is called exactly once and always later than the call.
 */
export function createDialer(resolver: Resolver, slots: UpstreamSlots, connectTimeoutMs: () => number): Dial {
  return (request, done) => {
    const timeoutMs = connectTimeoutMs();
    let known: ResolvedAddress | null;
    try {
      known = resolver.resolved(request.backend);
    } catch (error) {
      queueMicrotask(() => done(unreachable(messageOf(error), error)));
      return;
    }
    if (known) dialAddress(request, known, 0, timeoutMs, slots, done);
    else
      resolver.resolve(request.backend).then(
        (address) => dialAddress(request, address, 0, timeoutMs, slots, done),
        (error: unknown) => done(unreachable(messageOf(error), error)),
      );
  };
}

function dialAddress(
  request: DialRequest,
  address: ResolvedAddress,
  index: number,
  timeoutMs: number,
  slots: UpstreamSlots,
  done: (result: Dialed) => void,
): void {
  if (!slots.tryDial()) {
    queueMicrotask(() => done(exhausted(`${request.backend}: too many connections to backends`)));
    return;
  }
  const ip = address.ips[index] ?? '';
  const { signal } = request;
  const reader = request.tls ? null : request.reader;
  const socket = connectTcp({
    host: ip,
    port: address.port,
    noDelay: true,
    ...(reader && { onread: reader }),
    ...(signal && { signal }),
  });
  socket.once('close', slots.hungUp);
  const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
  const failed = (error: NodeJS.ErrnoException): void => {
    clearTimeout(timer);
    if (isExhaustion(error.code)) done(exhausted(`${request.backend}: ${error.message}`, error));
    else if (index + 1 < address.ips.length && !signal?.aborted) {
      dialAddress(request, address, index + 1, timeoutMs, slots, done);
    } else done(unreachable(`${request.backend}: ${error.message}`, error));
  };
  socket.once('error', failed);
  socket.once('connect', () => {
    clearTimeout(timer);
    socket.removeListener('error', failed);
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
    if (request.proxyHeader) socket.write(request.proxyHeader);
    if (request.tls) secure(request, request.tls, socket, timeoutMs, done);
    else done({ kind: 'connected', socket, alpn: null, isReading: reader !== null });
  });
}

function secure(
  request: DialRequest,
  plan: TlsPlan,
  raw: Socket,
  timeoutMs: number,
  done: (result: Dialed) => void,
): void {
  const socket: TLSSocket = connectTls({
    socket: raw,
    secureContext: plan.context,
    rejectUnauthorized: plan.verify,
    ALPNProtocols: [...request.alpn],
    ...(plan.serverName === '' ? {} : { servername: plan.serverName }),
  });
  const timer = setTimeout(() => socket.destroy(new Error(`no TLS handshake within ${timeoutMs} ms`)), timeoutMs);
  const failed = (error: Error): void => {
    clearTimeout(timer);
    raw.destroy();
    done({
      kind: 'failed',
      error: new UpstreamError('backend_tls', 'connect', `${request.backend}: ${error.message}`, { cause: error }),
    });
  };
  socket.once('error', failed);
  socket.once('secureConnect', () => {
    clearTimeout(timer);
    socket.removeListener('error', failed);
    done({ kind: 'connected', socket, alpn: socket.alpnProtocol || null, isReading: false });
  });
}

function exhausted(message: string, cause?: unknown): Dialed {
  return { kind: 'failed', error: new UpstreamError('limit_upstreams', 'connect', message, { cause }) };
}

function unreachable(message: string, cause: unknown): Dialed {
  return { kind: 'failed', error: new UpstreamError('backend_unreachable', 'connect', message, { cause }) };
}
