import { NONE_TRIED, type Backend } from '../backends/index.ts';
import type { ConnectionInfo } from '../report.ts';
import { refusal, type RequestRefusal } from './refusal.ts';
import type { ResponseSink, UpstreamCall } from './upstream/call.ts';
import type { RouteUpstreams } from './upstream/route-upstreams.ts';
import type { UpstreamError } from './upstream/upstream-error.ts';

const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** Which backend has a request now, and which one gets it next when that one can't be reached. */
export class Forwarding {
  /** The last backend tried, for the log. */
  backendName = '';
  readonly #upstreams: RouteUpstreams;
  readonly #client: ConnectionInfo;
  readonly #sink: ResponseSink;
  #backend: Backend | null = null;
  #tried: Set<string> | null = null;
  #call: UpstreamCall | null = null;

  constructor(upstreams: RouteUpstreams, client: ConnectionInfo, sink: ResponseSink) {
    this.#upstreams = upstreams;
    this.#client = client;
    this.#sink = sink;
  }

  /** Gives the request to a backend. Returns why not when there is none left. */
  start(lastError: UpstreamError | null = null): RequestRefusal | null {
    const backend = this.#upstreams.pool.pick(this.#tried ?? NONE_TRIED);
    if (!backend) return refusal(lastError?.reason ?? 'backend_unreachable', lastError?.message ?? 'no backend');
    backend.acquire();
    this.#backend = backend;
    this.backendName = backend.address;
    this.#call = this.#upstreams.target(backend, this.#client).send(this.#sink);
    return null;
  }

  /** After a failure before the response began: tries another backend where the request may be sent again (PX-7). */
  startAgain(error: UpstreamError): RequestRefusal | null {
    const backend = this.#backend;
    this.release();
    // No backend's fault, and another one would need a descriptor too.
    if (error.reason === 'limit_upstreams') return refusal(error.reason, error.message);
    if (backend && error.phase === 'connect') {
      backend.connectFailed();
      // Nothing of the request was read, so another one may have it, whatever it is.
      (this.#tried ??= new Set()).add(backend.address);
      return this.start(error);
    }
    const { request } = this.#sink;
    // A kept connection that the backend closed at the same moment: RFC 9110 §9.2.2 allows to ask once more.
    if (error.phase === 'idle' && !this.#tried && request.body === null && IDEMPOTENT.has(request.method)) {
      this.#tried = new Set();
      return this.start(error);
    }
    return refusal(error.reason, error.message);
  }

  resume(): void {
    this.#call?.resume();
  }

  /** The backend is done with the request, one way or another. */
  release(): void {
    this.#call = null;
    this.#backend?.release();
    this.#backend = null;
  }

  abort(): void {
    const call = this.#call;
    this.release();
    call?.abort();
  }
}
