import { defineConfig } from 'vitest/config';

/** `npm run bench:micro`: one file after the other, since they would take the cores from one another. */
export default defineConfig({
  test: {
    include: [],
    benchmark: { include: ['bench/micro/**/*.bench.ts'] },
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
