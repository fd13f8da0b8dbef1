import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A directory of its own for one running box; `release` gives it free for the next start. */
export interface Instance {
  readonly dir: string;
  release(): void;
}

const MAX_INSTANCES = 16;

/**
 * Takes the first free instance below `root`: `box`, then `box-2`, … so that two starts at once get along. An instance belongs to a
 * live process by pid and start time; the lock of a killed run is taken over.
 */
export function claimInstance(root: string): Instance {
  mkdirSync(root, { recursive: true });
  for (let number = 1; number <= MAX_INSTANCES; number++) {
    const dir = join(root, number === 1 ? 'box' : `box-${number}`);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const lock = join(dir, 'lock');
    if (takeLock(lock)) return { dir, release: () => rmSync(lock, { force: true }) };
  }
  throw new Error(`${MAX_INSTANCES} boxes run already below ${root}; stop one of them first`);
}

function takeLock(lock: string): boolean {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const fd = openSync(lock, 'wx', 0o600);
      writeFileSync(fd, JSON.stringify({ pid: process.pid, started: startTime(process.pid) }));
      closeSync(fd);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (holderLives(lock)) return false;
      rmSync(lock, { force: true });
    }
  }
  return false;
}

function holderLives(lock: string): boolean {
  try {
    const holder: unknown = JSON.parse(readFileSync(lock, 'utf8'));
    if (typeof holder !== 'object' || holder === null || !('pid' in holder) || !('started' in holder)) return false;
    return startTime(Number(holder.pid)) === holder.started;
  } catch (error) {
    // Unreadable text is a lock whose holder died while writing it; a file that is gone was released just now.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Field 22 of /proc/PID/stat (proc(5)): together with the pid it names a process for good. Null when there is no such process. */
function startTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}
