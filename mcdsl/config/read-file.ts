import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { isUtf8 } from 'node:buffer';
import { errnoOf, messageOf } from '../errors/index.ts';

/** Far above any real configuration; a database or a log named by mistake is not read into memory. */
const maxFileBytes = 4 * 1024 * 1024;

export type FileRead =
  | { ok: true; text: string }
  /** `line` is the first line that is not UTF-8, where that is what is wrong. */
  | { ok: false; reason: string; expected: string | null; line: number | null };

/** Reads a whole UTF-8 file of at most `maxFileBytes`. Never waits on pipes or devices. */
export function readConfigFile(file: string): FileRead {
  try {
    const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return readOpened(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return { ok: false, ...explain(error), line: null };
  }
}

function readOpened(fd: number): FileRead {
  const stat = fstatSync(fd);
  if (stat.isDirectory()) return refuse('this is a directory', 'a TOML file');
  if (!stat.isFile()) return refuse('this is not a regular file', 'a TOML file');
  if (stat.size > maxFileBytes) return refuse(`the file is ${stat.size} bytes large`, `at most ${maxFileBytes} bytes`);

  // One byte more than it should have, to notice a file that grows while it is read.
  const buffer = Buffer.alloc(stat.size + 1);
  let length = 0;
  while (length < buffer.length) {
    const count = readSync(fd, buffer, length, buffer.length - length, null);
    if (count === 0) break;
    length += count;
  }
  if (length > stat.size) return refuse('the file changed while it was read', null);
  const bytes = buffer.subarray(0, length);
  if (isUtf8(bytes)) return { ok: true, text: bytes.toString('utf8') };
  return { ok: false, reason: 'the file is not UTF-8 text', expected: 'UTF-8', line: firstBadLine(bytes) };
}

function firstBadLine(bytes: Buffer): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline === -1 ? bytes.length : newline;
    if (!isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
  return line;
}

function refuse(reason: string, expected: string | null): FileRead {
  return { ok: false, reason, expected, line: null };
}

function explain(error: unknown): { reason: string; expected: string | null } {
  switch (errnoOf(error)) {
    case 'ENOENT':
      return { reason: 'there is no such file', expected: 'the path of an existing TOML file' };
    case 'EACCES':
      return { reason: 'permission to read the file is denied', expected: 'a file that this user may read' };
    case 'ENOTDIR':
      return { reason: 'a part of the path is not a directory', expected: null };
    default:
      return { reason: `the file cannot be read: ${messageOf(error)}`, expected: null };
  }
}
