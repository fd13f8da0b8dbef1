import type { ResponseSink, UpstreamCall } from '../call.ts';
import type { UpstreamError } from '../upstream-error.ts';
import type { Http1Connection } from './connection.ts';

/** A request, waiting for a connection or on one. */
export class Http1Call implements UpstreamCall {
  readonly sink: ResponseSink;
  connection: Http1Connection | null = null;
  isOver = false;
  readonly #waiting: Set<Http1Call>;

  constructor(sink: ResponseSink, waiting: Set<Http1Call>) {
    this.sink = sink;
    this.#waiting = waiting;
  }

  resume(): void {
    if (!this.isOver) this.connection?.resume();
  }

  abort(): void {
    if (this.isOver) return;
    this.isOver = true;
    if (this.connection) this.connection.destroy();
    else this.#waiting.delete(this);
  }

  fail(error: UpstreamError): void {
    if (this.isOver) return;
    this.isOver = true;
    this.sink.failed(error);
  }
}
