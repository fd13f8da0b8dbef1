import type { Duplex } from 'node:stream';
import { messageOf } from '../../../mcdsl/errors/index.ts';
import type { Route } from '../model.ts';
import type { Reason } from '../reasons.ts';
import { admit } from './admission.ts';
import { refuseConnection, type ClientConnection, type L7Context } from './context.ts';
import { Forwarding } from './forwarding.ts';
import type { Front, FrontListener } from './front.ts';
import { addHopHeaders, hasField, readTrailers } from './headers.ts';
import { refusal, refusalBody, statusOf, type RequestRefusal } from './refusal.ts';
import { RequestBody, type BodyObserver } from './request-body.ts';
import type { RequestHead } from './request-head.ts';
import type { Watched } from './stall-watch.ts';
import { joinTunnel } from './tunnel.ts';
import type { OutboundRequest, ResponseSink } from './upstream/call.ts';
import type { UpstreamError } from './upstream/upstream-error.ts';

type Phase = 'request' | 'response' | 'tunnel' | 'flushing' | 'over';

const MAX_INFORMATIONAL = 32;

/**
 * The life of a request:
 *
 *   admission (head, body's beginning, host, policies) → hop headers → choose backend → upstream → response
 *
 * One object a request, made by the front, told of what happens by the front, the upstream and the watch. Whatever comes in
 * whatever order, the client gets one whole response or one that is visibly broken off.
 */
export class Exchange implements ResponseSink, FrontListener, BodyObserver, Watched {
  readonly #context: L7Context;
  readonly #connection: ClientConnection;
  readonly #front: Front;
  readonly #requestNumber: number;
  readonly #startedAt: number;

  #phase: Phase = 'request';
  #head: RequestHead | null = null;
  #route: Route;
  #requestId = '';
  #body: RequestBody | null = null;
  #outbound: OutboundRequest | null = null;
  #forwarding: Forwarding | null = null;
  #tunnel: { readonly client: Duplex; readonly backend: Duplex } | null = null;
  #isBodyless = false;
  #isClientSlow = false;
  #informationals = 0;
  #progressAt: number;
  #status = 0;
  #reason: Reason | null = null;
  #bytesUp = 0;
  #bytesDown = 0;

  constructor(context: L7Context, connection: ClientConnection, front: Front) {
    this.#context = context;
    this.#connection = connection;
    this.#front = front;
    this.#route = connection.route;
    this.#requestNumber = ++connection.requests;
    this.#startedAt = performance.now();
    this.#progressAt = context.watch.now;
    front.listener = this;
    context.watch.add(this);
  }

  run(): void {
    try {
      const admission = admit(this.#context, this.#connection, this.#front, this.#requestNumber);
      this.#requestId = admission.requestId;
      this.#head = admission.head;
      this.#route = admission.route;
      const refused = admission.refused ?? this.#forward(this.#head);
      if (refused) this.#refuse(refused);
    } catch (error) {
      this.#context.reporter.failed('request', error);
      this.#refuse(refusal('internal'));
    }
  }

  #forward(head: RequestHead | null): RequestRefusal | null {
    if (!head) return refusal('internal');
    const { info } = this.#connection;
    const front = this.#front;
    addHopHeaders(head.fields, {
      clientIp: info.clientIp,
      host: head.authority,
      requestId: this.#requestId,
      append: info.proxied && this.#route.forwardedHeaders === 'append',
    });
    const { maxBodyBytes } = this.#context.settings;
    this.#body = head.hasBody ? new RequestBody(front.source, this, maxBodyBytes) : null;
    this.#outbound = {
      method: head.method,
      path: head.path,
      authority: head.authority,
      fields: head.fields.forward,
      contentLength: head.contentLength,
      body: this.#body,
      isGrpc: head.fields.contentType.startsWith('application/grpc'),
      acceptsTrailers: head.fields.acceptsTrailers,
      isUpgrade: front.isUpgrade,
      trailers: head.hasBody ? () => readTrailers(front.trailers()) : noTrailers,
    };
    this.#forwarding = new Forwarding(this.#context.upstreamsOf(info.listener, this.#route), info, this);
    return this.#forwarding.start();
  }

  // What the upstream says.
  get request(): OutboundRequest {
    if (!this.#outbound) throw new Error('a request is forwarded only after its head was read');
    return this.#outbound;
  }

  started(): void {
    this.#progressAt = this.#context.watch.now;
  }

  informational(status: number, fields: string[]): void {
    if (this.#phase !== 'request') return;
    if (++this.#informationals > MAX_INFORMATIONAL) return this.#breakOff('backend_protocol', '1xx without end');
    // 100 is between the backend and us; ours is sent when the body is wanted.
    if (status !== 100) this.#front.informational(status, fields);
  }

  responded(status: number, fields: string[], isWhole: boolean): void {
    if (this.#phase !== 'request') return;
    this.#progressAt = this.#context.watch.now;
    this.#isBodyless = this.request.method === 'HEAD' || status === 204 || status === 205 || status === 304;
    try {
      this.#front.respond(status, fields, {
        hasBody: !this.#isBodyless && !isWhole,
        mayHaveTrailers: this.request.acceptsTrailers || !hasField(fields, 'content-length'),
        closes: this.#context.isDraining(),
      });
    } catch (error) {
      return this.#breakOff('backend_protocol', messageOf(error));
    }
    this.#phase = 'response';
    this.#status = status;
  }

  data(chunk: Buffer): boolean {
    if (this.#phase !== 'response' || this.#isBodyless) return true;
    this.#progressAt = this.#context.watch.now;
    this.#bytesDown += chunk.length;
    this.#isClientSlow = !this.#front.write(chunk);
    return !this.#isClientSlow;
  }

  ended(trailers: string[] | null): void {
    this.#forwarding?.release();
    if (this.#phase !== 'response') return;
    this.#phase = 'flushing';
    this.#progressAt = this.#context.watch.now;
    this.#front.end(this.#isBodyless ? null : trailers);
  }

  upgraded(fields: string[], socket: Duplex): void {
    if (this.#phase !== 'request') {
      socket.destroy();
      return this.#forwarding?.release();
    }
    this.#phase = 'tunnel';
    this.#status = 101;
    this.#progressAt = this.#context.watch.now;
    const client = this.#front.tunnel(fields);
    this.#tunnel = { client, backend: socket };
    joinTunnel(client, socket, {
      moved: (direction, sizeBytes) => {
        this.#progressAt = this.#context.watch.now;
        if (direction === 'up') this.#bytesUp += sizeBytes;
        else this.#bytesDown += sizeBytes;
      },
      ended: () => this.#finish(),
    });
  }

  failed(error: UpstreamError): void {
    if (this.#phase === 'response') return this.#breakOff(error.reason, error.message);
    if (this.#phase !== 'request' || !this.#forwarding) return;
    // A body that broke off is the client's doing, whatever the upstream says; the front is about to tell of it.
    const refused = this.#body?.isBroken ? null : this.#forwarding.startAgain(error);
    if (refused) this.#refuse(refused);
  }

  // What the client's side says.

  drained(): void {
    this.#isClientSlow = false;
    this.#progressAt = this.#context.watch.now;
    if (this.#phase === 'response') this.#forwarding?.resume();
  }

  malformed(detail: string): void {
    this.#body?.destroy(new Error('the client sent a malformed body'));
    this.#breakOff('request_invalid', detail);
  }

  closed(isComplete: boolean): void {
    if (this.#phase === 'tunnel') return;
    if (!isComplete && this.#phase !== 'flushing') this.#body?.destroy(new Error('the client went away'));
    this.#finish();
  }

  bodyWanted(): void {
    this.#front.proceed();
  }

  bodyRead(sizeBytes: number): void {
    this.#progressAt = this.#context.watch.now;
    this.#bytesUp += sizeBytes;
  }

  bodyTooLarge(): void {
    this.#breakOff('limit_body', `more than ${this.#context.settings.maxBodyBytes} bytes`);
  }

  // What the clock says.

  checkStall(now: number): void {
    const { bodyTimeoutMs, idleTimeoutMs } = this.#context.settings;
    const isLongLived = this.#phase === 'tunnel' || this.#outbound?.isGrpc === true;
    const isOurTurn = this.#phase === 'response' && !this.#isClientSlow;
    const limitMs = isLongLived || isOurTurn ? Math.max(idleTimeoutMs, bodyTimeoutMs) : bodyTimeoutMs;
    if (now - this.#progressAt < limitMs) return;
    const isClientsFault = this.#isClientSlow || this.#phase === 'flushing' || this.#isWaitingForBody();
    this.#breakOff(isClientsFault ? 'request_timeout' : 'backend_timeout', `no progress in ${limitMs} ms`);
  }

  /** The upstream asks for more body and the client sends none. */
  #isWaitingForBody(): boolean {
    const body = this.#body;
    return this.#phase === 'request' && body !== null && !body.isComplete && body.readableLength === 0;
  }

  /** Ends the request from our side: an answer where none was begun, else a response visibly broken off. */
  #breakOff(reason: Reason, detail: string): void {
    if (this.#phase === 'request') return this.#refuse(refusal(reason, detail));
    if (this.#phase === 'over') return;
    this.#reason = reason;
    refuseConnection(this.#context.reporter, this.#connection.info, this.#route.hostname, reason, detail);
    this.#forwarding?.abort();
    this.#tunnel?.backend.destroy();
    this.#tunnel?.client.destroy();
    this.#front.abort();
  }

  #refuse({ reason, rule, detail }: RequestRefusal): void {
    if (this.#phase !== 'request') return;
    this.#phase = 'flushing';
    this.#reason = reason;
    this.#forwarding?.abort();
    this.#body?.destroy();
    refuseConnection(this.#context.reporter, this.#connection.info, this.#route.hostname, reason, detail, rule);
    const status = statusOf(reason);
    const text = refusalBody(reason, this.#requestId);
    const hasBody = this.#front.head.method !== 'HEAD';
    this.#status = status;
    this.#front.respond(
      status,
      [
        'content-type',
        'text/plain; charset=utf-8',
        'content-length',
        String(text.length),
        'x-request-id',
        this.#requestId,
      ],
      {
        hasBody,
        mayHaveTrailers: false,
        closes: reason === 'request_invalid' || this.#head === null || this.#context.isDraining(),
      },
    );
    if (hasBody) {
      this.#front.write(text);
      this.#bytesDown += text.length;
    }
    this.#front.end(null);
  }

  /** The last thing that happens to a request, once. */
  #finish(): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.#forwarding?.abort();
    this.#context.watch.delete(this);
    const { head } = this.#front;
    this.#context.reporter.requested({
      connection: this.#connection.info,
      requestId: this.#requestId,
      route: this.#route.hostname,
      backend: this.#forwarding?.backendName ?? '',
      protocol: head.protocol,
      method: head.method,
      host: this.#head?.authority ?? '',
      path: this.#head?.path ?? head.target,
      userAgent: this.#head?.fields.userAgent ?? '',
      status: this.#status,
      durationMs: performance.now() - this.#startedAt,
      bytesUp: this.#bytesUp,
      bytesDown: this.#bytesDown,
      reason: this.#reason,
    });
  }
}

function noTrailers(): null {
  return null;
}
