import { readFileSync } from 'node:fs';
import { treePids } from './cpu.ts';

/** What one process has in memory, in bytes. */
export interface ProcessMemory {
  /** Anonymous and shared memory, pages that several processes share divided among them. */
  readonly ownBytes: number;
  /** Pages of program files and libraries. */
  readonly fileBytes: number;
}

/**
 * Resident memory of a process and its descendants. Pages that a parent shares with its forked children count once, and those of
 * program files as often as in the process that has most of them: for a single process this is what the kernel calls its RSS.
 *
 * @throws when the process has ended
 */
export function treeMemoryBytes(root: number): number {
  const processes = treePids(root).flatMap(readProcess);
  if (processes.length === 0) throw new Error(`process ${root} has ended`);
  const own = processes.reduce((sum, { ownBytes }) => sum + ownBytes, 0);
  return own + Math.max(...processes.map(({ fileBytes }) => fileBytes));
}

/** From the texts of /proc/PID/status and /proc/PID/smaps_rollup (proc(5)). @throws when a field is missing */
export function parseMemory(status: string, rollup: string): ProcessMemory {
  return {
    ownBytes: kilobytes(rollup, 'Pss_Anon') + kilobytes(rollup, 'Pss_Shmem'),
    fileBytes: kilobytes(status, 'RssFile'),
  };
}

function kilobytes(text: string, field: string): number {
  const value = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`/proc tells no ${field}: ${JSON.stringify(text.slice(0, 200))}`);
  return Number(value) * 1024;
}

function readProcess(pid: number): ProcessMemory[] {
  const read = (name: string): string => readFileSync(`/proc/${pid}/${name}`, 'utf8');
  try {
    return [parseMemory(read('status'), read('smaps_rollup'))];
  } catch (error) {
    // It ended between the listing and now.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
