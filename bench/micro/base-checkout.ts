import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Another commit's sources in a folder of their own, with the benchmarks of this checkout. */
export interface BaseCheckout extends Disposable {
  readonly root: string;
}

export interface BaseCheckoutOptions {
  /** The checkout whose commit it is. */
  readonly root: string;
  readonly revision: string;
  /** Folder of the benchmarks, in both checkouts. */
  readonly benchmarks: string;
}

/**
 * A worktree of the revision under the temporary directory. The benchmarks are this checkout's, so that both do the same work; so
 * are the installed packages.
 *
 * @throws when git does not know the revision
 */
export function checkOutBase({ root, revision, benchmarks }: BaseCheckoutOptions): BaseCheckout {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const commit = git('rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`).trim();
  const folder = mkdtempSync(join(tmpdir(), 'mc-bench-base-'));
  const base = join(folder, 'checkout');
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
    git('worktree', 'prune');
  };
  try {
    git('worktree', 'add', '--quiet', '--detach', base, commit);
    rmSync(join(base, benchmarks), { recursive: true, force: true });
    cpSync(join(root, benchmarks), join(base, benchmarks), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(base, 'node_modules'));
  } catch (error) {
    remove();
    throw error;
  }
  return { root: base, [Symbol.dispose]: remove };
}
