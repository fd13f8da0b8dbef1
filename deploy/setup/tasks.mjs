import { join } from 'node:path';
import { checkout } from './checkout.mjs';
import { canBuild } from './native-core.mjs';

/**
 * What `npm <task>` runs, in this order: programs of the checkout, then of node_modules/.bin, then of PATH.
 *
 * @typedef {{ name: string, command: readonly string[] }} TaskStep
 * @typedef {(args: readonly string[]) => readonly TaskStep[]} Task
 */

const checks = [
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'lint', command: ['oxlint'] },
  { name: 'format', command: ['prettier', '--check', '--log-level', 'warn', '.'] },
];

// Node reads the configuration itself: the bundler would write beside it, which a checkout of another user's does not allow.
const vitest = ['vitest', 'run', '--configLoader', 'native'];

function coreTests() {
  const command = ['cargo', 'test', '--quiet', '--locked', '--manifest-path', join(checkout.core, 'Cargo.toml')];
  return canBuild(checkout) ? [{ name: 'native core', command }] : [];
}

/** @type {Readonly<Record<string, Task>>} */
export const tasks = {
  start: (args) => [{ name: 'start', command: ['node', 'deploy/box/start.ts', ...args] }],
  check: () => checks,
  test: (args) => {
    const tests = { name: 'tests', command: [...vitest, ...args] };
    if (args.length > 0) return [tests];
    return [{ name: 'test-deps', command: ['deploy/test-deps'] }, ...checks, ...coreTests(), tests];
  },
  drills: (args) => [{ name: 'drills', command: [...vitest, '--config', 'deploy/checks/drills.config.ts', ...args] }],
  'pack:native': (args) => [{ name: 'pack:native', command: ['node', 'deploy/pack-native/pack.ts', ...args] }],
  soak: (args) => [{ name: 'soak', command: ['node', 'bench/soak/main.ts', ...args] }],
  bench: (args) => [{ name: 'bench', command: ['node', 'bench/load/main.ts', ...args] }],
  'bench:micro': (args) => [{ name: 'bench:micro', command: ['node', 'bench/micro/main.ts', ...args] }],
};
