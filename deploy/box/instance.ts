import { linkSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BoxError, isCode } from './errors.ts';
import { identify, lives, readProcessId } from './process-id.ts';

/** A directory of its own for one running box; `release` gives it free for the next start. */
export interface Instance {
  /** Absolute. */
  readonly dir: string;
  release(): void;
}

const MAX_INSTANCES = 16;

/**
 * Takes the first free instance below `root`: `box`, then `box-2`, … so that two starts at once get along. One that belongs to a live
 * process, or to another user, is passed over.
 * @throws BoxError when all are taken
 */
export function claimInstance(root: string): Instance {
  makeDirectory(root, 0o755);
  for (let number = 1; number <= MAX_INSTANCES; number++) {
    const dir = join(root, number === 1 ? 'box' : `box-${number}`);
    makeDirectory(dir, 0o700);
    const instance = claimUnlessForeign(dir);
    if (instance !== null) return instance;
  }
  throw new BoxError(
    `${MAX_INSTANCES} boxes below ${root} are taken, by running starts or by other users.`,
    'Stop one of them, or give this one a place of its own: npm start -- --dir DIRECTORY',
  );
}

/** Null while a live process holds the directory. */
export function tryClaim(dir: string): Instance | null {
  const lock = join(dir, 'lock');
  return takeLock(lock) ? { dir, release: () => rmSync(lock, { force: true }) } : null;
}

export function instanceDirs(root: string): string[] {
  return readdirSync(root)
    .filter((name) => /^box(-\d+)?$/.test(name))
    .map((name) => join(root, name));
}

/** mkdir's own recursion reports a read-only file system as ENOENT. */
function makeDirectory(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (isCode(error, 'EEXIST')) return;
    if (!isCode(error, 'ENOENT') || dirname(path) === path) throw error;
    makeDirectory(dirname(path), 0o755);
    mkdirSync(path, { mode });
  }
}

function claimUnlessForeign(dir: string): Instance | null {
  try {
    return tryClaim(dir);
  } catch (error) {
    if (isCode(error, 'EACCES', 'EPERM')) return null;
    throw error;
  }
}

function takeLock(file: string): boolean {
  for (;;) {
    if (createWhole(file)) return true;
    const holder = readProcessId(file);
    if (holder !== null && lives(holder)) return false;
    // Two starts may see the same dead holder. If both just removed the file, the second would remove the lock that the first has
    // taken meanwhile; so removal has a lock of its own, and looks again under it.
    const takeover = `${file}.takeover`;
    if (!takeLock(takeover)) return false;
    const current = readProcessId(file);
    if (current === null || !lives(current)) rmSync(file, { force: true });
    rmSync(takeover, { force: true });
  }
}

/** link() both creates the file whole and fails when there is one: nobody ever reads half a holder. */
function createWhole(file: string): boolean {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(identify(process.pid)), { mode: 0o600 });
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}
