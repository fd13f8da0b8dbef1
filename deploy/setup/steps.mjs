import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nativeCore } from './native-core.mjs';
import { npm } from './npm.mjs';
import { SetupError } from './report.mjs';

/**
 * A step is done again when its inputs are other than at its last run, or when what it made is no longer whole.
 *
 * @typedef {ReturnType<typeof import('./checkout.mjs').checkoutAt>} Checkout
 * @typedef {{
 *   name: string,
 *   doing: (checkout: Checkout) => string,
 *   inputs: (checkout: Checkout) => string[],
 *   isWhole: (checkout: Checkout) => boolean,
 *   run: (checkout: Checkout) => Promise<void>,
 * }} Step
 */

/**
 * `npm ci` refuses a lock file that lacks packages of foreign platforms; --no-save installs the locked versions and leaves the file
 * alone. No package's script runs: better-sqlite3 ships its binaries, and npm 10 would compile it nevertheless.
 */
const install = 'install --no-save --ignore-scripts --include=dev --include=optional --no-audit --no-fund'.split(' ');

/**
 * In this order; a later step may use what an earlier one made.
 * @type {readonly Step[]}
 */
export const steps = [
  {
    name: 'dependencies',
    doing: () => 'installing the npm packages of package-lock.json',
    inputs: dependencyInputs,
    isWhole: (checkout) => existsSync(join(checkout.modules, '.package-lock.json')),
    run: (checkout) => npm(checkout, install),
  },
  {
    name: 'runtime',
    doing: () => 'fetching the Node that runs everything',
    inputs: (checkout) => [runtimeVersion(checkout), ...platform],
    isWhole: (checkout) => installedRuntime(checkout) === runtimeVersion(checkout),
    run: async (checkout) => {
      await npm(checkout, ['rebuild', 'node', '--ignore-scripts=false', '--foreground-scripts']);
      const installed = installedRuntime(checkout);
      if (installed === runtimeVersion(checkout)) return;
      throw new SetupError(
        `set-up: ${checkout.node} is ${installed ?? 'missing'} instead of ${runtimeVersion(checkout)}; see ${checkout.log}, then remove node_modules and run \`npm run setup\` again.`,
      );
    },
  },
  {
    name: 'platform packages',
    doing: () => 'adding the packages that an older Node refuses',
    inputs: dependencyInputs,
    isWhole: () => true,
    // npm silently leaves out optional packages, the binaries of this platform among them, that don't declare the Node it runs on.
    run: (checkout) => npm(checkout, install, checkout.node),
  },
  nativeCore,
];

const platform = [process.platform, process.arch];

function dependencyInputs(checkout) {
  return [...declaredDependencies(checkout), readFileSync(checkout.lockFile, 'utf8'), ...platform];
}

/** The other parts of package.json, its scripts above all, may change without an installation. */
function declaredDependencies(checkout) {
  const { dependencies, devDependencies, optionalDependencies, overrides } = readPackage(checkout);
  return [dependencies, devDependencies, optionalDependencies, overrides].map((part) => JSON.stringify(part ?? {}));
}

function runtimeVersion(checkout) {
  return readPackage(checkout).dependencies.node;
}

function readPackage(checkout) {
  return JSON.parse(readFileSync(checkout.packageFile, 'utf8'));
}

/** Asks the binary itself: an interrupted download leaves a file that is there but does not run. */
function installedRuntime(checkout) {
  const { status, stdout } = spawnSync(checkout.node, ['--version'], { encoding: 'utf8', env: {} });
  return status === 0 ? stdout.trim().replace(/^v/, '') : null;
}
