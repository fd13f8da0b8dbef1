/** Mixes four 32-bit words under a seed into an unsigned 32-bit number whose low bits are fit for a table index. */
export function hashWords(seed: number, w0: number, w1: number, w2: number, w3: number): number {
  let hash = Math.imul(seed ^ w0, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15) ^ w1, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 13) ^ w2, 0x27d4eb2f);
  hash = Math.imul(hash ^ (hash >>> 16) ^ w3, 0x165667b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0x9e3779b1);
  return (hash ^ (hash >>> 16)) >>> 0;
}
