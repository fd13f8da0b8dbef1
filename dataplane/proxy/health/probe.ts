import { messageOf } from '../../../mcdsl/errors/index.ts';
import type { Resolver } from '../backends/index.ts';
import type { UpstreamSlots } from '../gauges.ts';
import type { OutboundRequest, ResponseSink, UpstreamCall } from '../l7/upstream/call.ts';
import { createDialer, tlsPlanOf, type Dial, type TlsPlan } from '../l7/upstream/dialer.ts';
import { createTarget } from '../l7/upstream/target.ts';
import type { UpstreamError } from '../l7/upstream/upstream-error.ts';
import type { BackendProtocol, Route } from '../model.ts';
import { encodeProxyV2Local } from '../proxy-protocol/index.ts';

export type ProbeOutcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly problem: string }
  /** This process had no descriptor to ask with, which is no fault of the backend. */
  | { readonly kind: 'unknown' };

/** Asks a backend once, as `health_check` of its route says. Never rejects. */
export type Probe = (signal: AbortSignal) => Promise<ProbeOutcome>;

const PASSED: ProbeOutcome = { kind: 'passed' };
/** Checks are few, and bounded elsewhere: their descriptors are of the process's reserve. */
const UNCOUNTED: UpstreamSlots = { tryDial: () => true, hungUp: () => {} };
/** How late a timer may fire on a thread that is not busy. */
const TIMER_SLACK_MS = 5;

const ALPN: Record<BackendProtocol, readonly string[]> = {
  auto: ['h2', 'http/1.1'],
  http1: ['http/1.1'],
  h2: ['h2'],
  h2c: [],
};

/**
 * `tcp`: a connection as clients of the route get one: names resolved, each address in turn, TLS with its verification where the
 * route has it. `http`: over such a connection, a request by the route's own protocol, passed by any 2xx or 3xx. With
 * send_proxy_protocol the header says LOCAL. Each probe opens a connection of its own, and leaves none behind.
 */
export function createProbe(route: Route, backend: string, resolver: Resolver): Probe {
  const { health } = route;
  const proxyHeader = route.sendProxyProtocol ? encodeProxyV2Local() : null;
  // The probe's own clock rules; this one only keeps an attempt from outliving a defect of it.
  const dialPatiently = createDialer(resolver, UNCOUNTED, () => 4 * health.timeoutMs);
  let tls: TlsPlan | null | undefined;

  return (outer) => {
    const timeout = patience(health.timeoutMs);
    const signal = AbortSignal.any([outer, timeout.signal]);
    const dial: Dial = (request, done) => dialPatiently({ ...request, signal }, done);
    return new Promise<ProbeOutcome>((resolve) => {
      signal.addEventListener('abort', () => resolve(failure(`no answer within ${health.timeoutMs} ms`)), {
        once: true,
      });
      try {
        // A context with its CAs is dear: made once, and at the first check, not for each route at a start.
        if (tls === undefined) tls = tlsPlanOf(route);
        if (health.check === 'http') askHttp(route, backend, tls, dial, proxyHeader, signal, resolve);
        else connectOnly(route, backend, tls, dial, proxyHeader, resolve);
      } catch (error) {
        resolve(failure(messageOf(error)));
      }
    }).finally(() => timeout[Symbol.dispose]());
  };
}

/**
 * Aborts when the time is up. Time in which this thread did not run is given back once: a thread that was busy finds the timer
 * due before it has looked at its sockets, and would call every backend dead.
 */
function patience(timeoutMs: number): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const dueAt = performance.now() + timeoutMs;
  const expire = (): void => void setImmediate(() => controller.abort());
  let timer = setTimeout(() => {
    const lostMs = performance.now() - dueAt;
    if (lostMs < TIMER_SLACK_MS) expire();
    else timer = setTimeout(expire, Math.min(lostMs, timeoutMs)).unref();
  }, timeoutMs).unref();
  return { signal: controller.signal, [Symbol.dispose]: () => clearTimeout(timer) };
}

function connectOnly(
  route: Route,
  backend: string,
  tls: TlsPlan | null,
  dial: Dial,
  proxyHeader: Uint8Array | null,
  done: (outcome: ProbeOutcome) => void,
): void {
  dial({ backend, tls, alpn: ALPN[route.backendProtocol], proxyHeader, reader: null }, (result) => {
    if (result.kind === 'failed') return done(outcomeOf(result.error));
    result.socket.on('error', () => result.socket.destroy());
    result.socket.destroySoon();
    done(PASSED);
  });
}

function askHttp(
  route: Route,
  backend: string,
  tls: TlsPlan | null,
  dial: Dial,
  proxyHeader: Uint8Array | null,
  signal: AbortSignal,
  done: (outcome: ProbeOutcome) => void,
): void {
  const target = createTarget({ route, backend, tls, dial, proxyHeader: () => proxyHeader, onConnected: () => {} });
  let call: UpstreamCall | null = null;
  let isOver = false;
  const finish = (outcome: ProbeOutcome): void => {
    if (isOver) return;
    isOver = true;
    // Not within the call of the upstream that tells of the answer.
    queueMicrotask(() => {
      call?.abort();
      target.close();
    });
    done(outcome);
  };
  signal.addEventListener('abort', () => finish(PASSED), { once: true });
  const sink: ResponseSink = {
    request: requestOf(route),
    started: () => {},
    informational: () => {},
    responded: (status) => finish(status >= 200 && status < 400 ? PASSED : failure(`${backend} answered ${status}`)),
    data: () => true,
    ended: () => {},
    upgraded: (_fields, socket) => void socket.destroy(),
    failed: (error) => finish(outcomeOf(error)),
  };
  call = target.send(sink);
}

function outcomeOf(error: UpstreamError): ProbeOutcome {
  return error.reason === 'limit_upstreams' ? { kind: 'unknown' } : failure(error.message);
}

function failure(problem: string): ProbeOutcome {
  return { kind: 'failed', problem };
}

function requestOf({ hostname, health }: Route): OutboundRequest {
  return {
    method: 'GET',
    path: health.path,
    authority: health.host || hostname,
    fields: ['User-Agent', 'mc-proxy health check'],
    contentLength: null,
    body: null,
    isGrpc: false,
    acceptsTrailers: false,
    isUpgrade: false,
    trailers: () => null,
  };
}
