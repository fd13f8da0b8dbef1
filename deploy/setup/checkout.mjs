import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The places of one checkout that set-up reads and writes. All that set-up leaves behind is under node_modules, so that removing
 * that folder undoes it.
 *
 * @param {string} root
 */
export function checkoutAt(root) {
  const modules = join(root, 'node_modules');
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
  };
}

export const checkout = checkoutAt(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
