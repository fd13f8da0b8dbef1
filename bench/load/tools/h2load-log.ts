import { readFileSync, rmSync } from 'node:fs';

/**
 * A percentile of the latencies that `h2load --log-file` has written, in µs: a line a request with start, status and duration.
 *
 * @throws when the text is no such log, or holds a request that failed
 */
export function percentileOfLog(text: string, percent: number): number {
  const durations = text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const duration = /^\d+\t2\d\d\t(\d+)$/.exec(line)?.[1];
      if (duration === undefined)
        throw new Error(`no request that went well in a log of h2load: ${JSON.stringify(line)}`);
      return Number(duration);
    })
    .sort((a, b) => a - b);
  return durations[Math.ceil((durations.length * percent) / 100) - 1] ?? Number.NaN;
}

/** Takes the log away: h2load appends to one that is there. */
export function takePercentile(file: string, percent: number): number {
  const text = readFileSync(file, 'utf8');
  rmSync(file);
  return percentileOfLog(text, percent);
}
