import { CODE, ConnectionError, FLAG, FRAME, MAX_FRAME_BYTES, MAX_WINDOW_BYTES, SETTING } from './protocol.ts';

/** What RFC 9113 §6 says of each frame by itself. What is wrong ends the connection; also where the stream alone might do. */

/** By a frame's head. */
export function checkFrameHead(type: number, flags: number, streamId: number, sizeBytes: number): void {
  switch (type) {
    case FRAME.data:
    case FRAME.headers:
    case FRAME.continuation:
      return require(streamId !== 0, 'a frame of streams on stream 0');
    case FRAME.priority:
      require(streamId !== 0, 'PRIORITY on stream 0');
      return requireSize(sizeBytes === 5, 'PRIORITY');
    case FRAME.rstStream:
      require(streamId !== 0, 'RST_STREAM on stream 0');
      return requireSize(sizeBytes === 4, 'RST_STREAM');
    case FRAME.settings:
      require(streamId === 0, 'SETTINGS on a stream');
      return requireSize((flags & FLAG.ack) === 0 ? sizeBytes % 6 === 0 : sizeBytes === 0, 'SETTINGS');
    case FRAME.pushPromise:
      return require(false, 'PUSH_PROMISE of a client');
    case FRAME.ping:
      require(streamId === 0, 'PING on a stream');
      return requireSize(sizeBytes === 8, 'PING');
    case FRAME.goaway:
      require(streamId === 0, 'GOAWAY on a stream');
      return requireSize(sizeBytes >= 8, 'GOAWAY');
    case FRAME.windowUpdate:
      return requireSize(sizeBytes === 4, 'WINDOW_UPDATE');
    default:
  }
}

/** What of a HEADERS payload is the block: without padding and priority (RFC 9113 §6.2). */
export interface BlockBounds {
  readonly from: number;
  readonly to: number;
  /** 0 where it depends on none. */
  readonly dependsOn: number;
}

export function readBlockBounds(flags: number, bytes: Buffer, from: number, to: number): BlockBounds {
  let at = from;
  let end = to;
  if ((flags & FLAG.padded) !== 0) {
    requireSize(at < end, 'HEADERS');
    end -= bytes[at++] ?? 0;
  }
  let dependsOn = 0;
  if ((flags & FLAG.priority) !== 0) {
    requireSize(to - at >= 5, 'HEADERS');
    dependsOn = bytes.readUInt32BE(at) & 0x7fffffff;
    at += 5;
  }
  require(at <= end, 'more padding than HEADERS');
  return { from: at, to: end, dependsOn };
}

/** Settings as RFC 9113 §6.5.2 and RFC 8441 §3 allow them. Returns SETTINGS_INITIAL_WINDOW_SIZE where it is among them. */
export function readSettings(bytes: Buffer, from: number, to: number): number | null {
  let window: number | null = null;
  for (let at = from; at < to; at += 6) {
    const value = bytes.readUInt32BE(at + 2);
    switch (bytes.readUInt16BE(at)) {
      case SETTING.enablePush:
      case SETTING.enableConnectProtocol:
        require(value <= 1, 'SETTINGS: neither 0 nor 1');
        break;
      case SETTING.initialWindowSize:
        if (value > MAX_WINDOW_BYTES) throw new ConnectionError(CODE.flowControlError, 'SETTINGS_INITIAL_WINDOW_SIZE');
        window = value;
        break;
      case SETTING.maxFrameSize:
        require(value >= MAX_FRAME_BYTES && value < 2 ** 24, 'SETTINGS_MAX_FRAME_SIZE');
        break;
      default:
    }
  }
  return window;
}

/** RFC 9113 §6.9. */
export function readIncrement(bytes: Buffer, at: number): number {
  const increment = bytes.readUInt32BE(at) & MAX_WINDOW_BYTES;
  require(increment > 0, 'WINDOW_UPDATE of 0');
  return increment;
}

function require(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new ConnectionError(CODE.protocolError, otherwise);
}

function requireSize(isSo: boolean, frame: string): void {
  if (!isSo) throw new ConnectionError(CODE.frameSizeError, `${frame} of a wrong size`);
}
