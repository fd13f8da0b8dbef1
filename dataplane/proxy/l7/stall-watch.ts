/** Something that must make progress. */
export interface Watched {
  /** Called about once a second with the watch's clock. */
  checkStall(now: number): void;
}

/**
 * One coarse timer for all requests: a progress mark costs a field write, not a timer. Deadlines are kept to within a second
 * or so, which is what deadlines of many seconds need.
 */
export interface StallWatch extends Disposable {
  /** Milliseconds, advanced at each tick. */
  readonly now: number;
  add(watched: Watched): void;
  delete(watched: Watched): void;
}

export function createStallWatch(tickMs: number, onTick: (now: number) => void): StallWatch {
  const all = new Set<Watched>();
  let now = performance.now();
  const timer = setInterval(() => {
    now = performance.now();
    for (const watched of all) watched.checkStall(now);
    onTick(now);
  }, tickMs);
  timer.unref();
  return {
    get now() {
      return now;
    },
    add: (watched) => void all.add(watched),
    delete: (watched) => void all.delete(watched),
    [Symbol.dispose]() {
      clearInterval(timer);
      all.clear();
    },
  };
}
