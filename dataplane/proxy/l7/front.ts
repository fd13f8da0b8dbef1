import type { Duplex, Readable } from 'node:stream';
import type { RawHead, RequestHead } from './request-head.ts';

/** The client's side of one request, whatever the protocol. */
export interface Front {
  readonly head: RawHead;
  /** The client asks for a WebSocket. Known once the head was accepted, like the source. */
  readonly isUpgrade: boolean;
  /** The body as it comes. */
  readonly source: Readable;
  /** Whoever serves the request; set before anything can happen. */
  listener: FrontListener | null;
  /**
   * The head means one thing, this. Returns what is wrong with the beginning of the body where that came along, or null. Without
   * this call nobody knows where the request ends.
   */
  accept(head: RequestHead): string | null;
  /** Trailers of the request, raw, once the body has ended. */
  trailers(): readonly string[];
  /** 100 Continue, where the client waits for it. */
  proceed(): void;
  informational(status: number, fields: readonly string[]): void;
  /** Throws when a field can't be sent. `closes`: the connection must not be used again. */
  respond(status: number, fields: string[], options: RespondOptions): void;
  /** False: wait for drained(). */
  write(chunk: Buffer): boolean;
  end(trailers: readonly string[] | null): void;
  /** Breaks the response off so that the client can't take it for a whole one. */
  abort(): void;
  /** Accepts the WebSocket: from here on bytes. */
  tunnel(fields: string[]): Duplex;
}

export interface RespondOptions {
  readonly hasBody: boolean;
  readonly mayHaveTrailers: boolean;
  readonly closes: boolean;
}

export interface FrontListener {
  drained(): void;
  /** The body's framing is broken: no more of it will come. */
  malformed(detail: string): void;
  /** Nothing more can be sent: the response is out, or the client is gone. Called once. */
  closed(isComplete: boolean): void;
}
