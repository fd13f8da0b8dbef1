import { readFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { searchPath } from '../../deploy/checks/find-program.ts';

/** What a run needs from outside the checkout, a line of `rivals.list`. */
export interface Part {
  readonly name: string;
  /** A command, or the path of a file. */
  readonly file: string;
  /** The argument that makes the command tell its version; null when it tells none. */
  readonly versionArg: string | null;
  readonly source: string;
  readonly systems: readonly string[];
}

const BENCH = resolve(import.meta.dirname, '..');

/** Where programs are searched: PATH, directories of system programs, and what bench/rivals has built. */
export function programPath(): string {
  return [searchPath(), join(BENCH, '.installed/bin')].join(delimiter);
}

export function readParts(file: string = join(BENCH, 'rivals.list')): Part[] {
  return parseParts(readFileSync(file, 'utf8'));
}

/** @throws when a line has not its five columns, or two lines name one part */
export function parseParts(text: string): Part[] {
  const parts = text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map(parsePart);
  const twice = parts.find(({ name }, index) => parts.findIndex((part) => part.name === name) !== index);
  if (twice !== undefined) throw new Error(`rivals.list names ${twice.name} twice`);
  return parts;
}

function parsePart(line: string): Part {
  const [name, file, version, source, systems, ...rest] = line.trim().split(/\s+/);
  if (!name || !file || !version || !source || !systems || rest.length > 0 || !/^(deb|go):/.test(source)) {
    throw new Error(`no line of rivals.list: ${line}`);
  }
  return { name, file, versionArg: version === '-' ? null : version, source, systems: systems.split(',') };
}
