import type { Reason } from './reasons.ts';

/**
 * What the data path tells about itself. A worker's reporter counts, and forwards refusals and access lines to the main thread in
 * batches; it never blocks and never throws.
 */
export interface Reporter {
  accepted(listener: string): void;
  refused(refusal: Refusal): void;
  /** An L4 connection ended. */
  relayed(record: RelayRecord): void;
  /** A request of an L7 connection was answered (also when the answer was a refusal). */
  requested(record: RequestRecord): void;
  /** A TLS handshake of an L7 route succeeded. Failures are refusals. */
  handshaken(listener: string, resumed: boolean): void;
  /** A worker must go on, but somebody has to look: the log line at level error. */
  failed(what: string, error: unknown): void;
}

/** Who is connected and over what; lives as long as the connection. */
export interface ConnectionInfo {
  /** Unique over workers and restarts: ties this line to the lines of the next hop. */
  readonly id: string;
  readonly listener: string;
  /** The real client: from the PROXY header where the listener requires one, else the peer. Text form. */
  readonly clientIp: string;
  readonly clientPort: number;
  /** The socket's own peer. */
  readonly peerIp: string;
  readonly localIp: string;
  readonly localPort: number;
  /** True when a trusted peer's PROXY header named the client. */
  readonly proxied: boolean;
  readonly sni: string | null;
  /** The id under which the previous hop logged this client (PROXY v2 UNIQUE_ID of a trusted peer). */
  readonly viaId: string | null;
  /** Milliseconds since the epoch. */
  readonly acceptedAt: number;
}

export interface Refusal {
  readonly reason: Reason;
  /** The rule that decided (`blocked_cidrs 192.0.2.0/24`), or empty. */
  readonly rule: string;
  readonly detail: string;
  readonly listener: string;
  readonly clientIp: string;
  readonly peerIp: string;
  readonly sni: string;
  readonly route: string;
  readonly connectionId: string;
}

export interface RelayRecord {
  readonly connection: ConnectionInfo;
  readonly route: string;
  readonly backend: string;
  readonly durationMs: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly end: string;
}

export interface RequestRecord {
  readonly connection: ConnectionInfo;
  readonly requestId: string;
  readonly route: string;
  readonly backend: string;
  readonly protocol: 'http1' | 'http2';
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly userAgent: string;
  /** The status sent to the client; 0 when the client went away before one was. */
  readonly status: number;
  readonly durationMs: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Set when the answer is the proxy's own. */
  readonly reason: Reason | null;
}
