import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStat, tree, treeCpuMs, treePids, type ProcessStat } from './cpu.ts';

/** As Linux 6 writes it: 52 fields, the name in parentheses. */
function statLine(pid: number, name: string, parentPid: number, times: readonly number[]): string {
  const [user, system, childUser, childSystem] = times;
  return `${pid} (${name}) S ${parentPid} 1 1 0 -1 4194560 100 0 0 0 ${user} ${system} ${childUser} ${childSystem} 20 0 11 0 5155 1 2 3${' 0'.repeat(28)}\n`;
}

describe('BE-1 CPU time of a process tree', () => {
  it('reads parent and times of a process and its ended children', () => {
    expect(parseStat(statLine(77, 'nginx', 76, [10, 20, 3, 4]))).toEqual({ pid: 77, parentPid: 76, cpuTicks: 37 });
  });

  it('reads names with spaces and parentheses in them', () => {
    const name = fc.string({ maxLength: 15 }).filter((text) => !text.includes('\0'));
    const time = fc.nat({ max: 1e9 });
    fc.assert(
      fc.property(
        name,
        fc.integer({ min: 1, max: 4194304 }),
        fc.array(time, { minLength: 4, maxLength: 4 }),
        (n, pid, t) => {
          const cpuTicks = t.reduce((sum, value) => sum + value, 0);
          expect(parseStat(statLine(pid, n, 1, t))).toEqual({ pid, parentPid: 1, cpuTicks });
        },
      ),
    );
    expect(parseStat(statLine(5, 'a) R 9 (b', 1, [1, 0, 0, 0]))).toEqual({ pid: 5, parentPid: 1, cpuTicks: 1 });
  });

  it.each([
    '',
    '\n',
    '1',
    '1 (a',
    '1 (a)',
    '1 (a) S',
    '1 (a) S 0 1 1 0 -1 0 0 0 0 0 1 1 1',
    'x (a) S 0',
    '1 (a) S b 1 1',
  ])('refuses %j', (text) => {
    expect(() => parseStat(text)).toThrow('not a line of /proc/PID/stat');
  });

  it('takes all descendants and nothing else', () => {
    const process = (pid: number, parentPid: number): ProcessStat => ({ pid, parentPid, cpuTicks: 1 });
    const all = [process(1, 0), process(9, 5), process(2, 1), process(5, 2), process(3, 1), process(7, 3)];
    const pids = (root: number): number[] => tree(all, root).map(({ pid }) => pid);
    expect(pids(2)).toEqual([2, 5, 9]);
    expect(pids(7)).toEqual([7]);
    expect(pids(4)).toEqual([]);
  });

  it('counts a real child, its threads, and what its own ended children used', async () => {
    const burn = (ms: number): string => `const end = process.cpuUsage().user + ${ms * 1000};
      while (process.cpuUsage().user < end);`;
    const source = `
      const { execFileSync } = require('node:child_process');
      const { Worker } = require('node:worker_threads');
      execFileSync(process.execPath, ['-e', ${JSON.stringify(burn(100))}]);
      new Worker(${JSON.stringify(burn(100))}, { eval: true }).on('exit', () => console.log('done'));
      process.stdin.resume();`;
    const child = spawn(process.execPath, ['-e', source], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    expect(treeCpuMs(child.pid!)).toBeGreaterThanOrEqual(180);
    expect(treePids(process.pid)).toContain(child.pid);
    child.stdin.end();
    await once(child, 'exit');
    expect(() => treeCpuMs(child.pid!)).toThrow('has ended');
  });
});
