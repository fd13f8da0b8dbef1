import { randomInt } from 'node:crypto';
import { threadId } from 'node:worker_threads';
import { hashWords } from './hash.ts';
import { createSetLocks } from './set-locks.ts';

/**
 * Counts admitted connections by key over a sliding window, in memory that all threads share.
 *
 * Exactness: a key has eight buckets, each holding a count and the time of its newest hit; a bucket takes hits for a seventh of
 * the window and is forgotten one window after its newest hit. So no window of that length ever admits more than the limit;
 * hits closer together than a seventh of the window are forgotten exactly on time or at most that seventh late; and who stays
 * below the limit in every 8/7 of a window is never refused. (Two counters and interpolation, the usual choice, can admit
 * almost twice the limit.) Refused hits are not counted: they don't prolong the refusal.
 *
 * Bounds: a fixed table of sets of eight keys. A ninth live key in a set evicts the one seen longest ago, refused hits included,
 * so that a client which hammers doesn't get rid of its own record by pausing less than others do.
 */
export interface RateLimiter {
  /** Counts and admits a hit of the masked address (four unsigned words), or refuses it: false. `limit` ≥ 1. */
  take(w0: number, w1: number, w2: number, w3: number, limit: number, windowMs: number): boolean;
  /** How many hits the window holds now. Changes nothing. */
  used(w0: number, w1: number, w2: number, w3: number, windowMs: number): number;
  stats(): RateLimiterStats;
}

export interface RateLimiterStats {
  readonly capacity: number;
  /** Slots that hold a key, live or past its window; the latter are taken over before anything is evicted. */
  readonly occupied: number;
  /** Live keys that lost their record to another: the table is too small for the traffic. */
  readonly evictions: number;
  /** Locks taken from a thread that died holding them. */
  readonly locksBroken: number;
}

const WAYS = 8;
const BUCKETS = 8;
const HEADER_BYTES = 64;
const SEED = 0;
const SETS = 1;
const OCCUPIED = 2;
const EVICTIONS = 3;
const LOCKS_BROKEN = 4;

/** One entry is two cache lines: key (4 × u32), head bucket + 1 or 0 when empty, last seen (u32 ms), start of the head, buckets. */
const ENTRY_BYTES = 128;
const STATE = 16;
const LAST_SEEN = 20;
const HEAD_START = 24;
const NEWEST = 32;
const COUNTS = 96;

/**
 * The shared table: make it once, in the main thread, and give it to every worker. `entries`: a power of two from 8;
 * 128 bytes each. The hash is seeded, so that nobody can choose addresses that fall into one set.
 */
export function createRateTable(entries = 65_536): SharedArrayBuffer {
  if (!Number.isInteger(Math.log2(entries)) || entries < WAYS) {
    throw new RangeError(`the rate table has a power of two of entries, at least ${WAYS}, not ${entries}`);
  }
  const sets = entries / WAYS;
  const buffer = new SharedArrayBuffer(entriesOffset(sets) + entries * ENTRY_BYTES);
  const header = new Int32Array(buffer, 0, HEADER_BYTES / 4);
  header[SEED] = randomInt(2 ** 32) | 0;
  header[SETS] = sets;
  return buffer;
}

/** Milliseconds of the one monotonic clock of the process (performance.now() starts anew in each thread). */
function sharedClockMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

/**
 * One thread's access to the table. A hit takes about a tenth of a microsecond under the lock of its set; a thread waits for
 * another only when both hit the same set at once. The clock must be the same for all threads and never go back.
 */
export function createRateLimiter(buffer: SharedArrayBuffer, clock: () => number = sharedClockMs): RateLimiter {
  const header = new Int32Array(buffer, 0, HEADER_BYTES / 4);
  const seed = Atomics.load(header, SEED);
  const sets = Atomics.load(header, SETS);
  const locks = createSetLocks(new Int32Array(buffer, HEADER_BYTES, sets), threadId, () =>
    Atomics.add(header, LOCKS_BROKEN, 1),
  );
  const view = new DataView(buffer, entriesOffset(sets));

  function find(set: number, w0: number, w1: number, w2: number, w3: number): number {
    const first = set * WAYS * ENTRY_BYTES;
    for (let entry = first; entry < first + WAYS * ENTRY_BYTES; entry += ENTRY_BYTES) {
      if (
        view.getUint32(entry + 12, true) === w3 &&
        view.getUint32(entry + 8, true) === w2 &&
        view.getUint32(entry + 4, true) === w1 &&
        view.getUint32(entry, true) === w0 &&
        view.getInt32(entry + STATE, true) !== 0
      ) {
        return entry;
      }
    }
    return -1;
  }

  /** A free entry, else one whose window has passed, else the coldest. */
  function victim(set: number, now: number, windowMs: number): number {
    const first = set * WAYS * ENTRY_BYTES;
    let coldest = first;
    let coldestAge = -1;
    for (let entry = first; entry < first + WAYS * ENTRY_BYTES; entry += ENTRY_BYTES) {
      const state = view.getInt32(entry + STATE, true);
      if (state === 0) {
        Atomics.add(header, OCCUPIED, 1);
        return entry;
      }
      if (now - view.getFloat64(entry + NEWEST + (state - 1) * 8, true) >= windowMs) return entry;
      const age = (now - view.getUint32(entry + LAST_SEEN, true)) >>> 0;
      if (age > coldestAge) {
        coldest = entry;
        coldestAge = age;
      }
    }
    Atomics.add(header, EVICTIONS, 1);
    return coldest;
  }

  function live(entry: number, now: number, windowMs: number): number {
    let total = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      if (now - view.getFloat64(entry + NEWEST + bucket * 8, true) < windowMs) {
        total += view.getUint32(entry + COUNTS + bucket * 4, true);
      }
    }
    return total;
  }

  function record(entry: number, now: number, windowMs: number): void {
    const head = view.getInt32(entry + STATE, true) - 1;
    if (now - view.getFloat64(entry + HEAD_START, true) < windowMs / (BUCKETS - 1)) {
      const count = view.getUint32(entry + COUNTS + head * 4, true);
      writeBucket(entry, head, count + 1, now);
      return;
    }
    const next = (head + 1) % BUCKETS;
    // Still live only after the window was made longer: fold it into its successor, which is forgotten later.
    if (now - view.getFloat64(entry + NEWEST + next * 8, true) < windowMs) {
      const heir = (next + 1) % BUCKETS;
      const newest = Math.max(
        view.getFloat64(entry + NEWEST + next * 8, true),
        view.getFloat64(entry + NEWEST + heir * 8, true),
      );
      const counts = view.getUint32(entry + COUNTS + next * 4, true) + view.getUint32(entry + COUNTS + heir * 4, true);
      writeBucket(entry, heir, counts, newest);
    }
    writeBucket(entry, next, 1, now);
    view.setInt32(entry + STATE, next + 1, true);
    view.setFloat64(entry + HEAD_START, now, true);
  }

  function writeBucket(entry: number, bucket: number, count: number, newest: number): void {
    view.setUint32(entry + COUNTS + bucket * 4, count, true);
    view.setFloat64(entry + NEWEST + bucket * 8, newest, true);
  }

  function claim(entry: number, w0: number, w1: number, w2: number, w3: number, now: number): void {
    view.setUint32(entry, w0, true);
    view.setUint32(entry + 4, w1, true);
    view.setUint32(entry + 8, w2, true);
    view.setUint32(entry + 12, w3, true);
    for (let bucket = 0; bucket < BUCKETS; bucket++) writeBucket(entry, bucket, 0, -Infinity);
    writeBucket(entry, 0, 1, now);
    view.setInt32(entry + STATE, 1, true);
    view.setFloat64(entry + HEAD_START, now, true);
  }

  return {
    take(w0, w1, w2, w3, limit, windowMs) {
      const set = hashWords(seed, w0, w1, w2, w3) & (sets - 1);
      const token = locks.acquire(set);
      try {
        // Read under the lock: hits of one key are in the order of their times.
        const now = clock();
        let entry = find(set, w0, w1, w2, w3);
        let admitted = true;
        if (entry === -1) {
          entry = victim(set, now, windowMs);
          claim(entry, w0, w1, w2, w3, now);
        } else if (live(entry, now, windowMs) < limit) {
          record(entry, now, windowMs);
        } else {
          admitted = false;
        }
        view.setUint32(entry + LAST_SEEN, now, true);
        return admitted;
      } finally {
        locks.release(set, token);
      }
    },

    used(w0, w1, w2, w3, windowMs) {
      const set = hashWords(seed, w0, w1, w2, w3) & (sets - 1);
      const token = locks.acquire(set);
      try {
        const entry = find(set, w0, w1, w2, w3);
        return entry === -1 ? 0 : live(entry, clock(), windowMs);
      } finally {
        locks.release(set, token);
      }
    },

    stats() {
      return {
        capacity: sets * WAYS,
        occupied: Atomics.load(header, OCCUPIED),
        evictions: Atomics.load(header, EVICTIONS) >>> 0,
        locksBroken: Atomics.load(header, LOCKS_BROKEN) >>> 0,
      };
    },
  };
}

function entriesOffset(sets: number): number {
  return Math.ceil((HEADER_BYTES + sets * 4) / ENTRY_BYTES) * ENTRY_BYTES;
}
