import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** What /proc/PID/stat says of one process (proc_pid_stat(5)). All its threads are in it, also those that have ended. */
export interface ProcessStat {
  readonly pid: number;
  readonly parentPid: number;
  /** User and system time of the process and of its children that have ended and were waited for, in clock ticks. */
  readonly cpuTicks: number;
}

/** @throws when the text is no line of /proc/PID/stat */
export function parseStat(text: string): ProcessStat {
  // The name may hold spaces and parentheses; the last parenthesis ends it. Field 3, the state, is the first after it.
  const end = text.lastIndexOf(')');
  const fields = text
    .slice(end + 2)
    .trimEnd()
    .split(' ');
  const field = (number: number): number => Number(fields[number - 3] ?? Number.NaN);
  const stat = {
    pid: Number.parseInt(text, 10),
    parentPid: field(4),
    cpuTicks: field(14) + field(15) + field(16) + field(17),
  };
  if (end < 0 || !Object.values(stat).every((value) => Number.isSafeInteger(value) && value >= 0)) {
    throw new Error(`not a line of /proc/PID/stat: ${JSON.stringify(text.slice(0, 200))}`);
  }
  return stat;
}

/** The process and all its descendants among `all`. Empty when it isn't there. */
export function tree(all: readonly ProcessStat[], root: number): ProcessStat[] {
  const found = all.filter(({ pid }) => pid === root);
  for (const { pid } of found) found.push(...all.filter(({ parentPid }) => parentPid === pid));
  return found;
}

/**
 * CPU time of a process and its descendants since they started, in steps of a clock tick (10 ms on Linux). Monotonic while no
 * process of the tree is left without its parent.
 *
 * @throws when the process has ended
 */
export function treeCpuMs(root: number): number {
  const processes = tree(allProcesses(), root);
  if (processes.length === 0) throw new Error(`process ${root} has ended`);
  const ticks = processes.reduce((sum, { cpuTicks }) => sum + cpuTicks, 0);
  return (ticks * 1000) / ticksPerSecond();
}

export function treePids(root: number): number[] {
  return tree(allProcesses(), root).map(({ pid }) => pid);
}

function allProcesses(): ProcessStat[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => readStat(pid));
}

function readStat(pid: string): ProcessStat[] {
  try {
    return [parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))];
  } catch (error) {
    // It ended between the listing and now.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

let cachedTicksPerSecond: number | undefined;

function ticksPerSecond(): number {
  cachedTicksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return cachedTicksPerSecond;
}
