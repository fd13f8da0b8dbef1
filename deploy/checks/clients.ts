import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { beforeEach, type TestContext } from 'vitest';

/** Directories of programs that an ordinary user's PATH may lack. */
const systemDirectories = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Where the program is, or null. For tests that choose between clients; the others use {@link requireClient}. */
export function findClient(command: string): string | null {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), ...systemDirectories].filter(Boolean);
  for (const directory of directories) {
    const candidate = join(directory, command);
    if (isExecutable(candidate)) return candidate;
  }
  return null;
}

/**
 * Called at the top of a test file or of a `describe`: its tests need these programs, which `deploy/test-deps` installs. Where one
 * is missing the tests fail in CI (CI is set) and are skipped elsewhere, named in the list of skipped tests.
 *
 * @returns the programs' paths, in the same order; the bare name for one that is missing
 */
export function requireClient(...commands: readonly string[]): string[] {
  const found = commands.map((command) => ({ command, path: findClient(command) }));
  const missing = found.filter(({ path }) => path === null).map(({ command }) => command);
  if (missing.length > 0) beforeEach((context) => refuse(context, missing, inCi(process.env['CI'])));
  return found.map(({ command, path }) => path ?? command);
}

/** What happens to one test whose programs are missing. */
export function refuse(context: Pick<TestContext, 'skip'>, missing: readonly string[], ci: boolean): void {
  const note = `needs ${missing.join(', ')}: run deploy/test-deps as root`;
  if (ci) throw new Error(note);
  context.skip(note);
}

function inCi(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== 'false' && value !== '0';
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
