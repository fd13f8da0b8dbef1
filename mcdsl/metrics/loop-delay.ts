import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How late timers of a thread fired, in seconds: the time that its queue of work takes. */
export type LoopDelay = { readonly mean: number; readonly p50: number; readonly p99: number; readonly max: number };

export type LoopDelayMeter = Disposable & {
  /** Of the last ten seconds or more; null before the first sample. */
  read(): LoopDelay | null;
};

const resolutionMs = 10;
const windowMs = 10_000;

/** Measures the event loop of the thread that calls it, until it is disposed. */
export function measureLoopDelay(): LoopDelayMeter {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  let windowStart = performance.now();
  // The histogram measures the interval between two timers, so the timer's own length is taken off.
  const seconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolutionMs) / 1000;
  return {
    read() {
      if (histogram.count === 0) return null;
      const delay = {
        mean: seconds(histogram.mean),
        p50: seconds(histogram.percentile(50)),
        p99: seconds(histogram.percentile(99)),
        max: seconds(histogram.max),
      };
      if (performance.now() - windowStart > windowMs) {
        histogram.reset();
        windowStart = performance.now();
      }
      return delay;
    },
    [Symbol.dispose]: () => void histogram.disable(),
  };
}
