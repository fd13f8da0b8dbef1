import { readFileSync } from 'node:fs';

/** A process for good: a pid alone may have been given to another one since. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of /proc/PID/stat (proc(5)). */
  readonly started: string;
}

/** Null when there is no such process, or only what its parent has not collected yet. */
export function identify(pid: number): ProcessId | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name, in parentheses, may itself hold spaces and parentheses.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const started = fields[18];
    return state === 'Z' || state === 'X' || started === undefined ? null : { pid, started };
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

export function lives({ pid, started }: ProcessId): boolean {
  return identify(pid)?.started === started;
}

/** What a file of ours says; null when it is gone, or its writer died while writing it. */
export function readProcessId(file: string): ProcessId | null {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isProcessId(value) ? { pid: value.pid, started: value.started } : null;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function isProcessId(value: unknown): value is ProcessId {
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('started' in value)) return false;
  return Number.isInteger(value.pid) && Number(value.pid) > 0 && typeof value.started === 'string';
}
