/**
 * The Huffman code of RFC 7541 appendix B. It is canonical: the lengths of the codes by symbol say all of it. Decoded by a state machine
 * that takes half a byte a step; a code has at least 5 bits, so that a step ends at most one.
 */
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26, 30,
];
const EOS = 256;
const STEP_BITS = 4;
const STEPS = 1 << STEP_BITS;
const FAILS = -2;
const NOTHING = -1;

/** By state and half byte: the next state, and the symbol that ends there (NOTHING, or FAILS for EOS). */
const NEXT = new Uint8Array(256 * STEPS);
const SYMBOL = new Int16Array(256 * STEPS);
/** By state: 1 where a text may end, with less than a byte of ones after the last symbol (RFC 7541 §5.2). */
const MAY_END = new Uint8Array(256);
buildTables();

/** Decodes `bytes[from, to)` into `into`, which has room for 8/5 of it. Returns how many bytes it wrote, or -1: no such code. */
export function decodeHuffman(bytes: Uint8Array, from: number, to: number, into: Uint8Array): number {
  let state = 0;
  let length = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] ?? 0;
    for (let shift = STEP_BITS; shift >= 0; shift -= STEP_BITS) {
      const step = (state << STEP_BITS) | ((byte >> shift) & (STEPS - 1));
      const symbol = SYMBOL[step] ?? FAILS;
      if (symbol >= 0) into[length++] = symbol;
      else if (symbol === FAILS) return -1;
      state = NEXT[step] ?? 0;
    }
  }
  return MAY_END[state] === 1 ? length : -1;
}

function buildTables(): void {
  // A node of the tree: its two children, an inner node (>= 0) or a symbol (as ~symbol).
  const children: [number, number][] = [[0, 0]];
  let code = 0;
  let bits = 0;
  for (const symbol of [...LENGTHS.keys()].sort((a, b) => (LENGTHS[a] ?? 0) - (LENGTHS[b] ?? 0) || a - b)) {
    const length = LENGTHS[symbol] ?? 0;
    code <<= length - bits;
    bits = length;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const pair = children[node] ?? [0, 0];
      const side = (code >> bit) & 1;
      if (pair[side] === 0) pair[side] = children.push([0, 0]) - 1;
      node = pair[side] ?? 0;
    }
    (children[node] ?? [0, 0])[code & 1] = ~symbol;
    code++;
  }
  for (let state = 0; state < children.length; state++) {
    for (let half = 0; half < STEPS; half++) {
      let node = state;
      let found = NOTHING;
      for (let bit = STEP_BITS - 1; bit >= 0; bit--) {
        const child = children[node]?.[(half >> bit) & 1] ?? 0;
        if (child < 0) found = ~child === EOS ? FAILS : ~child;
        node = Math.max(child, 0);
      }
      NEXT[(state << STEP_BITS) | half] = node;
      SYMBOL[(state << STEP_BITS) | half] = found;
    }
  }
  for (let node = 0, ones = 0; ones < 8; ones++) {
    MAY_END[node] = 1;
    node = children[node]?.[1] ?? 0;
  }
}
