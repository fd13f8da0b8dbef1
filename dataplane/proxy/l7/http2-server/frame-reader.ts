import { CODE, ConnectionError, FLAG, FRAME, FRAME_HEAD_BYTES, MAX_FRAME_BYTES } from './protocol.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const NOTHING = Buffer.alloc(0);

/** What comes off a connection, in order. Each may throw a ConnectionError; bytes are the handler's for the time of the call. */
export interface FrameHandler {
  /** Before any of the payload; frames that are too large never get here. */
  frameBegan(type: number, flags: number, streamId: number, sizeBytes: number): void;
  /** A frame other than DATA, whole: its payload is `bytes[from, to)`. Only of types that RFC 9113 knows. */
  frame(type: number, flags: number, streamId: number, bytes: Buffer, from: number, to: number): void;
  /** A piece of DATA without padding. The bytes stay as they are after the call. */
  dataPiece(bytes: Buffer, from: number, to: number): void;
  dataEnded(): void;
}

/**
 * Takes a client's bytes apart into frames (RFC 9113 §3.4, §4.1, §6.1). DATA goes on in the pieces it comes in, of other frames one that is
 * cut is held, up to 16 KiB; frames of unknown types are dropped unread. The outcome is the same however the bytes are cut.
 */
export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #head = Buffer.allocUnsafe(FRAME_HEAD_BYTES);
  #headBytes = 0;
  #prefaceBytes = 0;
  #isInFrame = false;
  #type = 0;
  #flags = 0;
  #streamId = 0;
  /** Of the payload, what is still to come. */
  #left = 0;
  /** Of #left, the padding at the end; null while its length is still to come. */
  #padding: number | null = 0;
  #held: Buffer = NOTHING;
  #heldBytes = 0;
  #isStopped = false;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** A frame other than DATA, or the preface, has begun and not ended. */
  get isPartial(): boolean {
    return this.#isInFrame ? this.#type !== FRAME.data : this.#headBytes > 0 || this.#prefaceBytes < PREFACE.length;
  }

  /** Nothing more is looked at, not even what is left of the chunk at hand. */
  stop(): void {
    this.#isStopped = true;
  }

  push(chunk: Buffer): void {
    let at = this.#prefaceBytes < PREFACE.length ? this.#readPreface(chunk) : 0;
    while (at < chunk.length && !this.#isStopped) {
      if (!this.#isInFrame) at = this.#readHead(chunk, at);
      if (this.#isInFrame) at = this.#readPayload(chunk, at);
    }
  }

  #readPreface(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length && this.#prefaceBytes < PREFACE.length) {
      if (chunk[at++] !== PREFACE[this.#prefaceBytes++]) {
        throw new ConnectionError(CODE.protocolError, 'no connection preface');
      }
    }
    return at;
  }

  #readHead(chunk: Buffer, from: number): number {
    if (this.#headBytes === 0 && chunk.length - from >= FRAME_HEAD_BYTES) {
      this.#begin(chunk, from);
      return from + FRAME_HEAD_BYTES;
    }
    const to = Math.min(chunk.length, from + FRAME_HEAD_BYTES - this.#headBytes);
    for (let at = from; at < to; at++) this.#head[this.#headBytes++] = chunk[at] ?? 0;
    if (this.#headBytes === FRAME_HEAD_BYTES) {
      this.#headBytes = 0;
      this.#begin(this.#head, 0);
    }
    return to;
  }

  #begin(bytes: Buffer, at: number): void {
    const sizeBytes = bytes.readUIntBE(at, 3);
    this.#type = bytes[at + 3] ?? 0;
    this.#flags = bytes[at + 4] ?? 0;
    this.#streamId = bytes.readUInt32BE(at + 5) & 0x7fffffff;
    if (sizeBytes > MAX_FRAME_BYTES) throw new ConnectionError(CODE.frameSizeError, `a frame of ${sizeBytes} bytes`);
    const isPadded = this.#type === FRAME.data && (this.#flags & FLAG.padded) !== 0;
    if (isPadded && sizeBytes === 0) throw new ConnectionError(CODE.frameSizeError, 'padding');
    this.#handler.frameBegan(this.#type, this.#flags, this.#streamId, sizeBytes);
    this.#left = sizeBytes;
    this.#padding = isPadded ? null : 0;
    this.#isInFrame = true;
  }

  #readPayload(chunk: Buffer, from: number): number {
    if (this.#type === FRAME.data) return this.#readData(chunk, from);
    const to = Math.min(chunk.length, from + this.#left);
    if (this.#type > FRAME.continuation) {
      this.#left -= to - from;
      if (this.#left === 0) this.#isInFrame = false;
      return to;
    }
    if (this.#heldBytes === 0 && to - from === this.#left) {
      this.#isInFrame = false;
      this.#handler.frame(this.#type, this.#flags, this.#streamId, chunk, from, to);
      return to;
    }
    if (to === from) return to;
    if (this.#heldBytes === 0) this.#held = Buffer.allocUnsafe(this.#left);
    chunk.copy(this.#held, this.#heldBytes, from, to);
    this.#heldBytes += to - from;
    this.#left -= to - from;
    if (this.#left === 0) this.#releaseHeld();
    return to;
  }

  #releaseHeld(): void {
    const held = this.#held;
    this.#isInFrame = false;
    this.#held = NOTHING;
    this.#heldBytes = 0;
    this.#handler.frame(this.#type, this.#flags, this.#streamId, held, 0, held.length);
  }

  #readData(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#padding === null) {
      if (at === chunk.length) return at;
      this.#padding = chunk[at++] ?? 0;
      this.#left--;
      if (this.#padding > this.#left) throw new ConnectionError(CODE.protocolError, 'more padding than DATA');
    }
    const dataTo = Math.min(chunk.length, at + this.#left - this.#padding);
    if (dataTo > at) {
      this.#left -= dataTo - at;
      this.#handler.dataPiece(chunk, at, dataTo);
      at = dataTo;
    }
    const to = Math.min(chunk.length, at + this.#left);
    // The padding is what is left once the data is all there; until then `to` is `at`.
    this.#padding -= to - at;
    this.#left -= to - at;
    if (this.#left === 0) {
      this.#isInFrame = false;
      this.#handler.dataEnded();
    }
    return to;
  }
}
