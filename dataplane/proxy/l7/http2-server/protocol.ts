import type { Reason } from '../../reasons.ts';

/** RFC 9113 §6. */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

/** RFC 9113 §7. */
export const CODE = {
  noError: 0x0,
  protocolError: 0x1,
  internalError: 0x2,
  flowControlError: 0x3,
  streamClosed: 0x5,
  frameSizeError: 0x6,
  refusedStream: 0x7,
  cancel: 0x8,
  compressionError: 0x9,
  enhanceYourCalm: 0xb,
} as const;

/** RFC 9113 §6.5.2, RFC 8441 §3. */
export const SETTING = {
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  enableConnectProtocol: 8,
} as const;

export const FRAME_HEAD_BYTES = 9;
/** What both sides may send until told otherwise, and nobody is told otherwise. */
export const MAX_FRAME_BYTES = 16_384;
export const DEFAULT_WINDOW_BYTES = 65_535;
export const MAX_WINDOW_BYTES = 0x7fffffff;
export const MAX_STREAM_ID = 0x7fffffff;

/** What a client may send of DATA ahead of what goes on. */
export const STREAM_WINDOW_BYTES: number = 256 * 1024;
/** Bounds what one client can make us hold: the streams of a connection share it. */
export const SESSION_WINDOW_BYTES: number = 1024 * 1024;

/** Ends the connection with GOAWAY (RFC 9113 §5.4.1). */
export class ConnectionError extends Error {
  readonly code: number;
  readonly reason: Reason;

  constructor(code: number, detail: string, reason: Reason = 'request_invalid') {
    super(detail);
    this.code = code;
    this.reason = reason;
  }
}
