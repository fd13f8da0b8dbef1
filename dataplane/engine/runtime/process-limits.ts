import { readFileSync } from 'node:fs';

/** File descriptors kept for what isn't a client connection: listeners, database, logs, admin clients, upstream pools. */
const RESERVE = 256;

/** Unlimited, or a limit that can't be read, counts as this many connections. */
const UNKNOWN_LIMIT = 100_000;

/**
 * Client connections that the process can hold: each takes up to two descriptors (its own and the backend's) of the soft limit
 * on open files (RLIMIT_NOFILE). Read once at start.
 */
export function maxConnectionsOfProcess(limitsFile = '/proc/self/limits'): number {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync(limitsFile, 'utf8'))?.[1];
  if (soft === undefined || soft === 'unlimited') return UNKNOWN_LIMIT;
  return Math.max(16, Math.floor((Number(soft) - RESERVE) / 2));
}
