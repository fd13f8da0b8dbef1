import type { Claims } from './claims.ts';
import type { TokenRow } from './row.ts';

/** What was verified of a token and can never change, its signature and claims; and its row, good for one number of changes. */
export type VerifiedSignature = {
  readonly kid: string;
  readonly claims: Claims;
  row: { readonly value: TokenRow | null; readonly changes: number } | null;
};

export type SignatureCacheStats = {
  readonly entries: number;
  readonly capacity: number;
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
};

/**
 * Signatures that were verified, by the SHA-256 of the token. Bound: `capacity` entries; the least recently used leaves. A Map keeps
 * the order of insertion, so an entry that is used goes to the end.
 */
export type SignatureCache = {
  get(key: string): VerifiedSignature | null;
  set(key: string, value: VerifiedSignature): void;
  delete(key: string): void;
  stats(): SignatureCacheStats;
};

export function createSignatureCache(capacity = 10_000): SignatureCache {
  const entries = new Map<string, VerifiedSignature>();
  let hits = 0;
  let misses = 0;
  let evictions = 0;
  return {
    get(key) {
      const found = entries.get(key);
      if (found === undefined) {
        misses++;
        return null;
      }
      hits++;
      entries.delete(key);
      entries.set(key, found);
      return found;
    },
    set(key, value) {
      entries.delete(key);
      const [oldest] = entries.size >= capacity ? entries.keys() : [];
      if (oldest !== undefined) {
        entries.delete(oldest);
        evictions++;
      }
      entries.set(key, value);
    },
    delete: (key) => void entries.delete(key),
    stats: () => ({ entries: entries.size, capacity, hits, misses, evictions }),
  };
}
