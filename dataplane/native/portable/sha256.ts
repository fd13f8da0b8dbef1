import { createSHA256 } from 'hash-wasm';
import type { HashEngine, ResumableHash } from '../native.ts';

/** The portable twin of the native hash, in WebAssembly: about a tenth of its speed, the same saved form. */
export const portableHash: HashEngine = {
  engine: 'portable',
  async sha256() {
    return new PortableSha256(await createSHA256());
  },
  async loadSha256(saved) {
    const state = parseState(saved);
    if (!state) return null;
    const hasher = await createSHA256();
    hasher.load(toLibraryState(state, hasher.save()));
    return new PortableSha256(hasher, state.length);
  },
};

type Hasher = Awaited<ReturnType<typeof createSHA256>>;

interface State {
  readonly length: number;
  readonly chain: readonly number[];
  readonly pending: Uint8Array;
}

const BLOCK = 64;
const FORM = 1;
const SAVED_HEAD = 1 + 8 + 32;
/**
 * What `save` of hash-wasm 4 returns: a mark of its build, then the C structure in little-endian: block, length, chaining value, size of
 * the digest. A test that goes from one engine to the other at every length notices another layout.
 */
const LIBRARY = { block: 4, length: 68, chain: 76 };

class PortableSha256 implements ResumableHash {
  readonly #hasher: Hasher;
  #length: number;

  constructor(hasher: Hasher, length = 0) {
    this.#hasher = hasher;
    this.#length = length;
  }

  get length(): number {
    return this.#length;
  }

  update(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
    this.#length += bytes.length;
  }

  save(): Uint8Array {
    return encodeState(fromLibraryState(this.#hasher.save()));
  }

  digest(): Uint8Array {
    // The library's digest ends its hash.
    const going = this.#hasher.save();
    const digest = this.#hasher.digest('binary');
    this.#hasher.load(going);
    return digest;
  }
}

function parseState(saved: Uint8Array): State | null {
  if (saved.length < SAVED_HEAD || saved[0] !== FORM) return null;
  const view = viewOf(saved);
  const length = view.getBigUint64(1);
  const pending = saved.subarray(SAVED_HEAD);
  if (length > BigInt(Number.MAX_SAFE_INTEGER) || BigInt(pending.length) !== length % BigInt(BLOCK)) return null;
  return { length: Number(length), chain: words((index) => view.getUint32(9 + index * 4)), pending };
}

function encodeState({ length, chain, pending }: State): Uint8Array {
  const saved = new Uint8Array(SAVED_HEAD + pending.length);
  const view = viewOf(saved);
  view.setUint8(0, FORM);
  view.setBigUint64(1, BigInt(length));
  chain.forEach((word, index) => view.setUint32(9 + index * 4, word));
  saved.set(pending, SAVED_HEAD);
  return saved;
}

function fromLibraryState(bytes: Uint8Array): State {
  const view = viewOf(bytes);
  const length = Number(view.getBigUint64(LIBRARY.length, true));
  return {
    length,
    chain: words((index) => view.getUint32(LIBRARY.chain + index * 4, true)),
    pending: bytes.subarray(LIBRARY.block, LIBRARY.block + (length % BLOCK)),
  };
}

/** `fresh`: a state of the library, for the mark of its build. */
function toLibraryState({ length, chain, pending }: State, fresh: Uint8Array): Uint8Array {
  const bytes = fresh.slice();
  const view = viewOf(bytes);
  bytes.set(pending, LIBRARY.block);
  view.setBigUint64(LIBRARY.length, BigInt(length), true);
  chain.forEach((word, index) => view.setUint32(LIBRARY.chain + index * 4, word, true));
  return bytes;
}

function words(read: (index: number) => number): number[] {
  return Array.from({ length: 8 }, (_, index) => read(index));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
