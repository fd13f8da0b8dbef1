import { readBlockBounds } from './frame-rules.ts';
import { HpackDecoder, type FieldListLimits } from './hpack/decoder.ts';
import { CODE, ConnectionError, FLAG } from './protocol.ts';

/** CVE-2024-27983: with the first frame's, 144 KiB of a head at most. */
const MAX_CONTINUATIONS = 8;
const NO_FIELDS: readonly string[] = [];

/**
 * Reads the heads of one connection, of a HEADERS frame alone or with CONTINUATION (RFC 9113 §4.3). One in a single frame is never copied.
 * What was read stays until the next one begins.
 */
export class HeadReader {
  streamId = 0;
  endsStream = false;
  raw: readonly string[] = NO_FIELDS;
  /** A field that may not be (RFC 9113 §8.2.1), or the stream depends on itself. */
  isMalformed = false;
  isTooLarge = false;
  readonly #decoder: HpackDecoder;
  #isSelfDependent = false;
  #pieces: Buffer[] = [];

  constructor(limits: FieldListLimits) {
    this.#decoder = new HpackDecoder(limits);
  }

  /** A head has begun and not ended. */
  get isPartial(): boolean {
    return this.#pieces.length > 0;
  }

  /** HEADERS. True when the head is whole. */
  begin(flags: number, streamId: number, bytes: Buffer, from: number, to: number): boolean {
    const bounds = readBlockBounds(flags, bytes, from, to);
    this.streamId = streamId;
    this.endsStream = (flags & FLAG.endStream) !== 0;
    this.#isSelfDependent = bounds.dependsOn === streamId;
    const isWhole = (flags & FLAG.endHeaders) !== 0;
    if (isWhole) this.#decode(bytes, bounds.from, bounds.to);
    else this.#pieces.push(Buffer.from(bytes.subarray(bounds.from, bounds.to)));
    return isWhole;
  }

  /** CONTINUATION. True when the head is whole. */
  continue(flags: number, bytes: Buffer, from: number, to: number): boolean {
    if (this.#pieces.length > MAX_CONTINUATIONS) {
      throw new ConnectionError(CODE.enhanceYourCalm, 'too many CONTINUATION frames', 'limit_streams');
    }
    this.#pieces.push(Buffer.from(bytes.subarray(from, to)));
    if ((flags & FLAG.endHeaders) === 0) return false;
    const block = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#decode(block, 0, block.length);
    return true;
  }

  #decode(block: Buffer, from: number, to: number): void {
    this.raw = this.#decoder.decode(block, from, to);
    this.isTooLarge = this.#decoder.isTooLarge;
    this.isMalformed = this.#decoder.isMalformed || this.#isSelfDependent;
  }
}
