import { createHash } from 'node:crypto';
import { STREAM_BLOCK_BYTES, STREAM_BYTES } from '../backends.ts';

/** The block that a stream repeats: the same everywhere, and without a period that a lost or doubled piece could hide in. */
export function streamBlock(): Buffer {
  const words = new Uint32Array(STREAM_BLOCK_BYTES / Uint32Array.BYTES_PER_ELEMENT);
  let state = 0x9e3779b9;
  for (let index = 0; index < words.length; index++) {
    // xorshift32 (Marsaglia)
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return Buffer.from(words.buffer);
}

/** SHA-256 of a whole stream, in hexadecimal. */
export function streamDigest(): string {
  const block = streamBlock();
  const hash = createHash('sha256');
  for (let sent = 0; sent < STREAM_BYTES; sent += block.length) hash.update(block);
  return hash.digest('hex');
}
