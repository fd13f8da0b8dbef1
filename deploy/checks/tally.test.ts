import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { repositoryRoot } from './source-files.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tally-'));
  symlinkSync(join(repositoryRoot, 'node_modules'), join(directory, 'node_modules'));
  for (const file of ['tally.ts', 'clients.ts', 'find-program.ts'])
    copyFileSync(join(import.meta.dirname, file), join(directory, file));
});
afterEach(() => rmSync(directory, { recursive: true }));

const head = `import { beforeAll, describe, expect, it } from 'vitest';\n`;

/** Runs vitest itself over the given test files, with the reporter. */
function run(
  files: Record<string, string>,
  env: NodeJS.ProcessEnv = {},
): { output: string; tally: unknown; code: number | null } {
  for (const [name, source] of Object.entries(files)) writeFileSync(join(directory, name), head + source);
  writeFileSync(
    join(directory, 'vitest.config.mts'),
    `import { createTallyReporter } from './tally.ts';
    export default { test: { include: ['*.test.ts'], cache: false, reporters: [createTallyReporter()] } };`,
  );
  const tallyFile = join(directory, 'tally.json');
  const { stdout, stderr, status } = spawnSync(join(directory, 'node_modules/.bin/vitest'), ['run'], {
    cwd: directory,
    encoding: 'utf8',
    timeout: 25_000,
    env: {
      ...process.env,
      CI: '',
      NO_COLOR: '1',
      FORCE_COLOR: undefined,
      VITEST: undefined,
      MC_TALLY_FILE: tallyFile,
      ...env,
    },
  });
  return { output: stdout + stderr, tally: JSON.parse(readFileSync(tallyFile, 'utf8')), code: status };
}

describe('the tally', () => {
  it('counts what passed and failed, and names what was skipped with the reason', () => {
    const { output, tally, code } = run({
      'a.test.ts': `it('one', () => {});\nit('two', () => expect(1).toBe(2));\ndescribe('d', () => it('three', (c) => c.skip('no moon')));`,
    });
    expect(tally).toEqual({ passed: 1, failed: 1, skipped: 1 });
    expect(output).toContain('skipped 1:\n  a.test.ts > d > three (no moon)\n');
    expect(code).toBe(1);
  });

  it('counts a file that cannot be loaded, a failed hook and a stray error as failures', () => {
    const { tally } = run({
      'broken.test.ts': `import './missing.ts';\nit('never', () => {});`,
      'hook.test.ts': `beforeAll(() => {\n  throw new Error('no');\n});\nit('never', () => {});`,
      'stray.test.ts': `it('one', async () => {\n  void Promise.reject(new Error('stray'));\n  await new Promise(setImmediate);\n});`,
    });
    expect(tally).toMatchObject({ passed: 1, failed: 3 });
  });
});

describe('requireClient', () => {
  const source = `import { requireClient } from './clients.ts';
    it('free', () => {});
    describe('with it', () => {\n  requireClient('sh', 'no-such-client');\n  it('bound', () => {});\n});
    describe('with others', () => {\n  const [sh] = requireClient('sh');\n  it('found', () => expect(sh).toMatch(/^[/].*[/]sh$/));\n});`;

  it('skips by name outside CI', () => {
    const { output, tally, code } = run({ 'a.test.ts': source });
    expect(tally).toEqual({ passed: 2, failed: 0, skipped: 1 });
    expect(output).toContain('with it > bound (needs no-such-client: run deploy/test-deps as root)');
    expect(code).toBe(0);
  });

  it('fails in CI', () => {
    const { tally, code } = run({ 'a.test.ts': source }, { CI: 'true' });
    expect(tally).toEqual({ passed: 2, failed: 1, skipped: 0 });
    expect(code).toBe(1);
  });
});
