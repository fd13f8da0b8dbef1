import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Directories of programs that an ordinary user's PATH may lack. */
const SYSTEM_DIRECTORIES = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** PATH with the directories of system programs. */
export function searchPath(): string {
  return [process.env['PATH'], ...SYSTEM_DIRECTORIES].filter(Boolean).join(delimiter);
}

/** Where the program is in the directories of `path`, or null. */
export function findProgram(command: string, path: string = searchPath()): string | null {
  const candidates = path.split(delimiter).map((directory) => join(directory, command));
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
