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

/** @type {Readonly<Record<string, Task>>} */
export const tasks = {
  start: (args) => [{ name: 'start', command: ['node', 'deploy/box/start.ts', ...args] }],
  check: () => checks,
  test: (args) => {
    const tests = { name: 'tests', command: ['vitest', 'run', ...args] };
    if (args.length > 0) return [tests];
    return [{ name: 'test-deps', command: ['deploy/test-deps'] }, ...checks, tests];
  },
  drills: (args) => [
    { name: 'drills', command: ['vitest', 'run', '--config', 'deploy/checks/drills.config.ts', ...args] },
  ],
};
