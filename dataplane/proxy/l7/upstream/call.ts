import type { Duplex, Readable } from 'node:stream';
import type { UpstreamError } from './upstream-error.ts';

/** A request as an upstream needs it: protocol-neutral, already cleaned. */
export interface OutboundRequest {
  readonly method: string;
  /** Origin-form. */
  readonly path: string;
  /** Host or :authority as the client wrote it. */
  readonly authority: string;
  /** End-to-end fields, `[name, value, …]`, without Host and framing. */
  readonly fields: readonly string[];
  readonly contentLength: number | null;
  readonly body: Readable | null;
  readonly isGrpc: boolean;
  readonly acceptsTrailers: boolean;
  /** The client asks for a WebSocket. */
  readonly isUpgrade: boolean;
  /** Trailers of the request once its body has ended, cleaned; null when there are none. */
  trailers(): string[] | null;
}

/** Where a response goes. After `ended`, `upgraded` or `failed` nothing more comes. */
export interface ResponseSink {
  readonly request: OutboundRequest;
  /** A connection is there and the request is about to be written. */
  started(): void;
  informational(status: number, fields: string[]): void;
  /** `isWhole`: the head is all there is, as in a gRPC reply of trailers only; `ended` follows. */
  responded(status: number, fields: string[], isWhole: boolean): void;
  /** False: the upstream stops reading until resume(). */
  data(chunk: Buffer): boolean;
  ended(trailers: string[] | null): void;
  upgraded(fields: string[], socket: Duplex): void;
  failed(error: UpstreamError): void;
}

/** A request under way. */
export interface UpstreamCall {
  resume(): void;
  /** Breaks the request off: the backend sees a reset, the sink hears no more. */
  abort(): void;
}

export interface Upstream {
  send(sink: ResponseSink): UpstreamCall;
  /** Requests under way finish, idle connections close, no new requests come. */
  close(): void;
}
