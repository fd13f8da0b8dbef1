import { describe, expect, it } from 'vitest';
import { checkConventions, conventions, maximumLines } from './conventions.ts';
import { repositoryFiles } from './source-files.ts';

/** Written by tools. */
const written = ['package-lock.json', 'proto/gen/'];

describe('conventions', () => {
  it('hold in the whole repository', () => {
    const files = repositoryFiles().filter(({ path }) => !written.some((prefix) => path.startsWith(prefix)));
    expect(files.length).toBeGreaterThan(20);
    expect(checkConventions(files)).toEqual([]);
  });

  // Each convention with a file that breaks it: a rule that never fires protects nothing.
  const broken: Record<string, { path: string; source: string }[]> = {
    'files are named': [
      { path: 'mcdsl/Config.ts', source: '' },
      { path: 'mcdsl/load_file.ts', source: '' },
    ],
    'no file is longer': [
      { path: 'mcdsl/long.ts', source: 'x;\n'.repeat(maximumLines + 1) },
      { path: 'native-deps/core/src/long.rs', source: 'x();\n'.repeat(maximumLines + 1) },
    ],
    'no leftovers': [{ path: 'docs/a.md', source: `${'TO'}DO: write this\n` }],
    'no path of one machine': [
      { path: 'docs/a.md', source: `see /${'home'}/ann/project\n` },
      { path: 'deploy/a', source: `cd /${'root'}/project\n` },
    ],
    'no private key': [{ path: 'a.pem', source: `-----BEGIN PRIVATE ${'KEY'}-----\n${'M'.repeat(64)}\n` }],
    'metrics are named': [
      { path: 'mcdsl/a.ts', source: `const m = { name: 'mc_proxy_latency' };\n` },
      { path: 'mcdsl/a.ts', source: `import { Gauge } from 'prom-client';\nnew Gauge({ name: 'up', help: '' });\n` },
    ],
  };

  it('each has an example that breaks it', () => {
    const unproved = conventions.filter(({ name }) => !Object.keys(broken).some((start) => name.startsWith(start)));
    expect(unproved).toEqual([]);
  });

  it.each(Object.entries(broken))('%s…: caught', (start, files) => {
    for (const file of files) {
      const faults = checkConventions([file]);
      expect(faults).toHaveLength(1);
      expect(faults[0]).toContain(`: ${start}`);
    }
  });

  it('leaves ordinary code alone', () => {
    const source = [
      `import { Counter } from 'prom-client';`,
      `const requests = new Counter({ name: 'mc_proxy_requests_total', help: 'requests' });`,
      `const path = '/srv/mc-proxy/mc-proxy.toml';`,
    ].join('\n');
    expect(checkConventions([{ path: 'mcdsl/many-things.ts', source }])).toEqual([]);
  });
});
