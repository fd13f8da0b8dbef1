import fs from 'node:fs';
import path from 'node:path';

/** `20261120T200000Z`: sorts by time and is fit for a file name everywhere. */
export function utcStamp(time: Date): string {
  return time
    .toISOString()
    .replace(/[-:]/g, '')
    .replace(/\.\d+Z$/, 'Z');
}

// The database last: a crash in between leaves it to be found damaged, and set aside, once more.
const companions = ['-wal', '-shm', '-journal', ''] as const;

/**
 * Renames a database and what belongs to it to `NAME.corrupt-TIME`, such that SQLite finds the parts together.
 * Nothing may have it open in this process.
 * @returns the new path of the database
 */
export function setAside(file: string, time: Date): string {
  const base = `${file}.corrupt-${utcStamp(time)}`;
  let target = base;
  for (let n = 2; companions.some((part) => fs.existsSync(target + part)); n++) target = `${base}-${n}`;
  for (const part of companions) {
    if (fs.existsSync(file + part)) fs.renameSync(file + part, target + part);
  }
  syncFolder(path.dirname(file));
  return target;
}

/** Makes created, renamed and removed names in a folder survive a power cut. */
export function syncFolder(folder: string): void {
  const fd = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
