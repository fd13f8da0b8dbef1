/** Mutual exclusion between threads over the words of a shared array, held for well under a microsecond at a time. */
export interface SetLocks {
  /** Blocks the thread until it holds the lock. The token proves it to `release`. */
  acquire(index: number): number;
  /** A lock that was broken meanwhile belongs to another and is left alone. */
  release(index: number, token: number): void;
}

const SPINS = 200;
const PAUSE_MS = 1;
/**
 * A holder that is descheduled for so long while it executes a few dozen instructions is taken for dead. Were it alive, its
 * one entry could count wrong by one; the other threads lose a quarter of a second, once.
 */
const DEAD_AFTER_PAUSES = 250;

/**
 * `threadId` goes into the token, with a sequence number, so that a waiter can tell one holder that doesn't let go from
 * many that come and go: only the former's lock is broken.
 */
export function createSetLocks(words: Int32Array<SharedArrayBuffer>, threadId: number, onBroken: () => void): SetLocks {
  let sequence = 0;

  function wait(index: number, token: number): void {
    let seen = 0;
    let pauses = 0;
    for (;;) {
      for (let spin = 0; spin < SPINS; spin++) {
        if (Atomics.compareExchange(words, index, 0, token) === 0) return;
        Atomics.pause();
      }
      const holder = Atomics.load(words, index);
      if (holder === 0) continue;
      pauses = holder === seen ? pauses + 1 : 0;
      seen = holder;
      if (pauses >= DEAD_AFTER_PAUSES && Atomics.compareExchange(words, index, holder, token) === holder) {
        onBroken();
        return;
      }
      Atomics.wait(words, index, holder, PAUSE_MS);
    }
  }

  return {
    acquire(index) {
      sequence = (sequence % 0xfffff) + 1;
      const token = ((threadId & 0x7ff) << 20) | sequence;
      if (Atomics.compareExchange(words, index, 0, token) !== 0) wait(index, token);
      return token;
    },
    release(index, token) {
      Atomics.compareExchange(words, index, token, 0);
    },
  };
}
