import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { STREAM_BLOCK_BYTES } from '../backends.ts';

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

/** SHA-256 of so many bytes, a whole number of blocks, in hexadecimal. */
export function blocksDigest(bytes: number): string {
  const block = streamBlock();
  const hash = createHash('sha256');
  for (let sent = 0; sent < bytes; sent += block.length) hash.update(block);
  return hash.digest('hex');
}

/** Length and CRC-32 of what came, cheap enough to be taken under load. */
export interface Tally {
  add(chunk: Uint8Array): void;
  text(): string;
}

export function createTally(): Tally {
  let [bytes, crc] = [0, 0];
  return {
    add(chunk) {
      bytes += chunk.length;
      crc = crc32(chunk, crc);
    },
    text: () => `${bytes} bytes, CRC ${crc.toString(16)}`,
  };
}

/** The tally of so many bytes, a whole number of blocks. */
export function blocksTally(bytes: number): string {
  const block = streamBlock();
  const tally = createTally();
  for (let sent = 0; sent < bytes; sent += block.length) tally.add(block);
  return tally.text();
}
