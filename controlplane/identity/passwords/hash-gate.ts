import { refusal } from '../errors.ts';

export interface HashGateLimits {
  /** All hashes at once take at most this much. */
  readonly memoryCapBytes: number;
  /** What one hash takes. */
  readonly memoryBytes: number;
  /** How many more may wait. */
  readonly queue: number;
  readonly queueTimeoutMs: number;
}

/**
 * Lets so many password hashes run at once as memory and the libuv pool bear, and so many wait; the rest is told at once. Waiting
 * is in the order of arrival and costs a closure each.
 */
export interface HashGate {
  /**
   * Runs the work when its turn comes. `admit` is asked right before: what it throws is thrown here, and no hash is started.
   * @throws busy, reason hash_queue_full, when too many wait or it waited too long
   */
  run<T>(work: () => Promise<T>, admit?: () => void): Promise<T>;
  /** New limits apply to what comes after; what runs or waits goes on. */
  setLimits(limits: HashGateLimits): void;
  stats(): HashGateStats;
}

export interface HashGateStats {
  readonly running: number;
  readonly slots: number;
  readonly waiting: number;
  readonly queue: number;
  /** Callers that were told busy. */
  readonly refused: number;
}

/** The libuv pool has 16 threads (bin/mcias); four are left for everything else. */
const mostAtOnce = 12;

interface Waiter {
  readonly start: () => void;
  readonly timer: NodeJS.Timeout;
}

/** How many hashes may run at once. */
export function slotsOf({
  memoryCapBytes,
  memoryBytes,
}: Pick<HashGateLimits, 'memoryCapBytes' | 'memoryBytes'>): number {
  return Math.min(Math.floor(memoryCapBytes / memoryBytes), mostAtOnce);
}

/** @throws RangeError when not even one hash fits into memoryCapBytes; the configuration refuses that */
export function createHashGate(limits: HashGateLimits): HashGate {
  let current = checked(limits);
  let running = 0;
  let refused = 0;
  const waiting = new Set<Waiter>();

  function busy(why: string): Error {
    refused++;
    return refusal('busy', 'hash_queue_full', { message: `${why}; try again`, retryAfterSeconds: 1 });
  }

  function acquire(): Promise<void> {
    if (running < slotsOf(current) && waiting.size === 0) {
      running++;
      return Promise.resolve();
    }
    if (waiting.size >= current.queue) return Promise.reject(busy('too many logins wait for a password check'));
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        start: resolve,
        timer: setTimeout(() => {
          waiting.delete(waiter);
          reject(busy('the password check waited too long'));
        }, current.queueTimeoutMs),
      };
      waiting.add(waiter);
    });
  }

  function release(): void {
    running--;
    for (const waiter of waiting) {
      if (running >= slotsOf(current)) return;
      waiting.delete(waiter);
      clearTimeout(waiter.timer);
      running++;
      waiter.start();
    }
  }

  return {
    async run(work, admit) {
      await acquire();
      try {
        admit?.();
        return await work();
      } finally {
        release();
      }
    },
    setLimits(limits) {
      current = checked(limits);
    },
    stats: () => ({ running, slots: slotsOf(current), waiting: waiting.size, queue: current.queue, refused }),
  };
}

function checked(limits: HashGateLimits): HashGateLimits {
  if (slotsOf(limits) < 1) throw new RangeError('argon2.memory_cap must hold at least one hash of argon2.memory');
  return limits;
}
