import { defineConfig } from 'vitest/config';
import { createTallyReporter } from './deploy/checks/tally.ts';

export default defineConfig({
  test: {
    include: ['{mcdsl,dataplane,controlplane,services,deploy,bench}/**/*.test.ts'],
    exclude: ['**/*.drill.test.ts', '**/node_modules/**'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: [createTallyReporter(), 'default'],
  },
});
