import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{mcdsl,dataplane,controlplane,services,deploy,bench}/**/*.test.ts'],
    exclude: ['**/*.drill.test.ts', '**/node_modules/**'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
