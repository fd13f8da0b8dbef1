import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The places of one checkout that set-up reads and writes. All that set-up leaves behind is under node_modules and the crate's
 * target, so that removing those folders undoes it.
 *
 * @param {string} root
 */
export function checkoutAt(root) {
  const modules = join(root, 'node_modules');
  const core = join(root, 'native-deps', 'core');
  const target = join(core, 'target');
  return {
    root,
    packageFile: join(root, 'package.json'),
    lockFile: join(root, 'package-lock.json'),
    modules,
    binaries: join(modules, '.bin'),
    node: join(modules, 'node', 'bin', 'node'),
    stamp: join(modules, '.setup-stamp'),
    guard: join(modules, '.setup-lock'),
    log: join(modules, '.setup.log'),
    core,
    coreBinary: join(target, 'core.node'),
    /** What cargo said when it failed. */
    coreFailure: join(target, 'failed.log'),
  };
}

export const checkout = checkoutAt(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
