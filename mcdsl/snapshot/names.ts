import fs from 'node:fs';
import path from 'node:path';

export type SnapshotName = {
  readonly name: string;
  /** Sorts as text in the order in which the copies were made. */
  readonly order: string;
};

const staleAfterMs = 24 * 60 * 60 * 1000;

/** `mc-proxy.db` → `mc-proxy-20261120T200000Z.db`, or `…Z-2.db` for the second of one second. */
export function snapshotName(database: string, stamp: string, n: number): string {
  return `${stem(database)}-${stamp}${n === 1 ? '' : `-${n}`}.db`;
}

/** Matches exactly the names that snapshotName gives for this database. */
export function snapshotPattern(database: string): RegExp {
  return new RegExp(`^${RegExp.escape(stem(database))}-(\\d{8}T\\d{6}Z)(?:-([2-9]|[1-9]\\d{1,2}))?\\.db$`);
}

export function parseSnapshotName(pattern: RegExp, name: string): SnapshotName | null {
  const match = pattern.exec(name);
  const stamp = match?.[1];
  if (stamp === undefined) return null;
  return { name, order: `${stamp}-${(match?.[2] ?? '1').padStart(3, '0')}` };
}

/**
 * Removes the oldest copies above `keep`, and what a copy that was killed left behind a day ago. Other files, folders
 * and links are not touched, whatever their age.
 * @returns the paths of the removed copies
 */
export function pruneSnapshots(folder: string, pattern: RegExp, keep: number, now: Date): readonly string[] {
  const files = fs.readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  const old = files
    .flatMap((entry) => parseSnapshotName(pattern, entry.name) ?? [])
    .sort((a, b) => b.order.localeCompare(a.order))
    .slice(keep)
    .map(({ name }) => path.join(folder, name));
  for (const file of old) fs.rmSync(file, { force: true });
  for (const entry of files) {
    const inner = /^\.(.+)\.partial$/.exec(entry.name)?.[1];
    const file = path.join(folder, entry.name);
    if (inner === undefined || parseSnapshotName(pattern, inner) === null) continue;
    if (now.getTime() - (fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) > staleAfterMs) {
      fs.rmSync(file, { force: true });
    }
  }
  return old;
}

function stem(database: string): string {
  return path.basename(database, '.db');
}
