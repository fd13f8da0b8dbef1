import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { percentileOfLog, takePercentile } from './h2load-log.ts';

const log = (durations: readonly number[]): string => durations.map((us) => `1795864499228591\t200\t${us}\n`).join('');

describe('BE-4 latencies of h2load', () => {
  it('are those that so many requests stayed within', () => {
    const durations = Array.from({ length: 200 }, (_, index) => 200 - index);
    expect(percentileOfLog(log(durations), 99)).toBe(198);
    expect(percentileOfLog(log(durations), 100)).toBe(200);
    expect(percentileOfLog(log([7]), 99)).toBe(7);
  });

  it.each(['', '1\t-1\t5\n', '1\t502\t5\n', log([1]) + 'text\n'])('are none in %j', (text) => {
    expect(() => percentileOfLog(text, 99)).toThrow('no request that went well');
  });

  it('are taken away, since h2load appends', () => {
    const dir = mkdtempSync(join(tmpdir(), 'bench-log-'));
    try {
      const file = join(dir, 'log');
      writeFileSync(file, log([3]));
      expect(takePercentile(file, 99)).toBe(3);
      expect(() => takePercentile(file, 99)).toThrow('ENOENT');
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
