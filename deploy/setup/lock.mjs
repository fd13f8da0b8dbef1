import { linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Takes the lock file, waiting while a living process holds it. A holder is a pid with its start time: a pid alone may have been
 * given to another process since. The lock of a dead holder is taken over.
 *
 * @param {string} file
 * @param {(holderPid: number) => void} onWait called once, when there is somebody to wait for
 * @returns {Promise<() => void>} gives the lock back
 */
export async function acquireLock(file, onWait, pollMs = 100) {
  let told = false;
  for (;;) {
    if (tryCreate(file)) return () => unlinkSync(file);
    const holder = readHolder(file);
    if (holder === null) continue;
    if (!isAlive(holder)) {
      await removeDead(file, onWait, pollMs);
      continue;
    }
    if (!told) onWait(holder.pid);
    told = true;
    await sleep(pollMs);
  }
}

/** When the process started, in clock ticks since boot, from /proc; null where it is gone, a zombie, or there is no /proc. */
export function startTimeOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name, in parentheses, may itself hold spaces and parentheses.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X' ? null : (fields[18] ?? null);
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return null;
    throw error;
  }
}

/** link() both creates the file whole and fails when there is one: nobody ever reads half a holder. */
function tryCreate(file) {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify({ pid: process.pid, startTime: startTimeOf(process.pid) }));
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    unlinkSync(draft);
  }
}

function readHolder(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    if (error instanceof SyntaxError) return { pid: 0, startTime: null };
    throw error;
  }
}

function isAlive(holder) {
  if (!Number.isInteger(holder.pid) || holder.pid <= 0) return false;
  if (holder.startTime !== null) return startTimeOf(holder.pid) === holder.startTime;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/**
 * Two waiters may see the same dead holder; if both just removed the file, the second would remove the lock that the first has
 * taken meanwhile. So removal has a lock of its own, and looks again under it.
 */
async function removeDead(file, onWait, pollMs) {
  const release = await acquireLock(`${file}.takeover`, onWait, pollMs);
  try {
    const holder = readHolder(file);
    if (holder !== null && !isAlive(holder)) unlinkSync(file);
  } finally {
    release();
  }
}
