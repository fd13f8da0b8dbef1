import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';
import { createTallyReporter } from './deploy/checks/tally.ts';

/** What carries connections over the native boundary runs a second time without it (MC_NATIVE=off), where the native core is built. */
const ACROSS_THE_BOUNDARY = [
  'dataplane/proxy/test/*.test.ts',
  'dataplane/engine/test/{connections,drain,l4,one-listener,refusals,two-hops}.test.ts',
];
const hasNativeCore = existsSync(new URL('./native-deps/core/target/core.node', import.meta.url));
const exclude = [...configDefaults.exclude, '**/*.drill.test.ts'];

const all = {
  extends: true as const,
  test: { name: 'all', include: ['{mcdsl,dataplane,controlplane,services,deploy,bench}/**/*.test.ts'], exclude },
};
const portable = {
  extends: true as const,
  test: { name: 'portable', include: ACROSS_THE_BOUNDARY, exclude, env: { MC_NATIVE: 'off' } },
};

export default defineConfig({
  test: {
    // Servers that tests start find their code compiled, as those that bin/ starts do.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('./node_modules/.cache/compiled', import.meta.url)) },
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Waiting for something to happen is not a matter of time: a loaded machine takes longer.
    expect: { poll: { timeout: 20_000 } },
    reporters: [createTallyReporter(), 'default'],
    projects: hasNativeCore ? [all, portable] : [all],
  },
});
