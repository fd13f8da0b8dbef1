import { existsSync } from 'node:fs';
import { beforeEach, type TestContext } from 'vitest';
import { findProgram } from './find-program.ts';

/** For tests that choose between clients; the others use {@link requireClient}. */
export { findProgram as findClient };

/**
 * Called at the top of a test file or of a `describe`: its tests need these programs, or files by their whole paths, which `deploy/test-deps` installs. Where one
 * is missing the tests fail in CI (CI is set) and are skipped elsewhere, named in the list of skipped tests.
 *
 * @returns the programs' paths, in the same order; the bare name for one that is missing
 */
export function requireClient(...commands: readonly string[]): string[] {
  const found = commands.map((command) => ({ command, path: findDependency(command) }));
  const missing = found.filter(({ path }) => path === null).map(({ command }) => command);
  if (missing.length > 0) beforeEach((context) => refuse(context, missing, inCi(process.env['CI'])));
  return found.map(({ command, path }) => path ?? command);
}

function findDependency(command: string): string | null {
  if (!command.startsWith('/')) return findProgram(command);
  return existsSync(command) ? command : null;
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
