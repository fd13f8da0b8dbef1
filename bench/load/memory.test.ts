import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseMemory, treeMemoryBytes } from './memory.ts';

const STATUS = 'Name:\tx\nVmRSS:\t    5000 kB\nRssAnon:\t    3000 kB\nRssFile:\t    2000 kB\nRssShmem:\t       0 kB\n';
const ROLLUP =
  'Rss:                5000 kB\nPss_Anon:           1500 kB\nPss_File:            400 kB\nPss_Shmem:           100 kB\n';

describe('BE-7 resident memory', () => {
  it('divides shared pages, but those of files', () => {
    expect(parseMemory(STATUS, ROLLUP)).toEqual({ ownBytes: 1600 * 1024, fileBytes: 2000 * 1024 });
  });

  it('refuses what tells nothing', () => {
    expect(() => parseMemory('', ROLLUP)).toThrow('no RssFile');
    expect(() => parseMemory(STATUS, 'Rss: 1 kB\n')).toThrow('no Pss_Anon');
  });

  it('is for one process what the kernel calls its RSS', () => {
    const rss = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    const bytes = treeMemoryBytes(process.pid);
    // This process may have children of its own, and it allocates meanwhile.
    expect(bytes).toBeGreaterThan(Number(rss) * 1024 * 0.8);
    expect(() => treeMemoryBytes(2 ** 22 + 1)).toThrow('has ended');
  });
});
