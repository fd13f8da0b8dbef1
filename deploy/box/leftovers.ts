import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isCode } from './errors.ts';
import { instanceDirs, tryClaim, type Instance } from './instance.ts';
import { identify, lives, readProcessId, type ProcessId } from './process-id.ts';

const POLL_MS = 20;

/** Kept beside the configuration while mc-proxy runs, so that the start after a killed one can end it. */
export function pidFile(dir: string): string {
  return join(dir, 'mc-proxy.pid');
}

export function recordPid(dir: string, pid: number): void {
  const draft = `${pidFile(dir)}.new`;
  writeFileSync(draft, JSON.stringify(identify(pid)), { mode: 0o600 });
  renameSync(draft, pidFile(dir));
}

export function forgetPid(dir: string): void {
  rmSync(pidFile(dir), { force: true });
}

/**
 * Ends every mc-proxy below `root` whose box was killed, in `own` and in the other instances that nobody holds.
 * @returns the pids of those that still ran
 */
export async function endLeftovers(root: string, own: Instance): Promise<number[]> {
  const ended: number[] = [];
  for (const dir of instanceDirs(root)) {
    if (!existsSync(pidFile(dir))) continue;
    const claim = dir === own.dir ? own : tryClaim(dir);
    if (claim === null) continue;
    try {
      const left = readProcessId(pidFile(dir));
      if (left !== null && lives(left)) {
        await kill(left);
        ended.push(left.pid);
      }
      forgetPid(dir);
    } finally {
      if (claim !== own) claim.release();
    }
  }
  return ended;
}

/** By SIGKILL at once: nobody is served by it any more, and mc-proxy loses nothing that it has acknowledged. */
async function kill(left: ProcessId): Promise<void> {
  try {
    process.kill(left.pid, 'SIGKILL');
  } catch (error) {
    if (!isCode(error, 'ESRCH')) throw error;
  }
  while (lives(left)) await delay(POLL_MS);
}
