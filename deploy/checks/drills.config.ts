import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { createTallyReporter } from './tally.ts';

/** Drills take minutes and load the machine or kill processes, so they run one file at a time and apart from the tests. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['{mcdsl,dataplane,controlplane,services,deploy,bench}/**/*.drill.test.ts'],
    exclude: ['**/node_modules/**'],
    pool: 'forks',
    fileParallelism: false,
    passWithNoTests: true,
    testTimeout: 600_000,
    hookTimeout: 300_000,
    reporters: [createTallyReporter(), 'default'],
  },
});
