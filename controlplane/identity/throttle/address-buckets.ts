import { addressKey } from './address-key.ts';
import { isFull, takeToken, type Bucket, type BucketAnswer, type BucketRate } from './token-bucket.ts';

/** The buckets of all addresses. In memory only: the default fills up again in 20 seconds, sooner than a server restarts. */
export interface AddressBuckets {
  /** Takes one token of the address (IPv4) or its /64 (IPv6). */
  take(address: string, now: number): BucketAnswer;
  setRate(rate: BucketRate): void;
  stats(): AddressBucketStats;
}

export interface AddressBucketStats {
  readonly size: number;
  readonly capacity: number;
  /** Addresses forgotten before their bucket was full, to make room: the table is too small for the attack. */
  readonly evictions: number;
}

/**
 * @param keyOf what shares a bucket
 *
 * Bound: `capacity` addresses. When it is full, the address that tried longest ago leaves; one that keeps trying never does.
 * Cost: a lookup and a move to the end, both constant.
 */
export function createAddressBuckets(rate: BucketRate, capacity = 100_000, keyOf = addressKey): AddressBuckets {
  // A Map iterates in the order of insertion, and every take re-inserts: the first key is the one that tried longest ago.
  const buckets = new Map<string, Bucket>();
  let current = rate;
  let evictions = 0;

  function makeRoom(now: number): void {
    if (buckets.size < capacity) return;
    for (const [key, bucket] of buckets) {
      if (!isFull(bucket, current, now)) evictions++;
      buckets.delete(key);
      return;
    }
  }

  return {
    take(address, now) {
      const key = keyOf(address);
      const { state, answer } = takeToken(buckets.get(key) ?? null, current, now);
      if (!buckets.delete(key)) makeRoom(now);
      buckets.set(key, state);
      return answer;
    },
    setRate(rate) {
      current = rate;
    },
    stats: () => ({ size: buckets.size, capacity, evictions }),
  };
}
