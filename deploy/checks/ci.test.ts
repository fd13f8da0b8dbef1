import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { repositoryRoot } from './source-files.ts';

let checkout: string;

beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'ci-'));
  mkdirSync(join(checkout, '.ci'));
  copyFileSync(join(repositoryRoot, '.ci/run'), join(checkout, '.ci/run'));
});
afterEach(() => rmSync(checkout, { recursive: true }));

/** Runs `.ci/run` with an npm that says its arguments, writes the tally and exits as told. */
function run(
  npm: { tally?: string; exitCode: number },
  budgetSeconds = 60,
): { lines: string[]; status: number | null } {
  const path = join(checkout, 'path');
  const writeTally = npm.tally === undefined ? '' : `echo '${npm.tally}' > "$MC_TALLY_FILE"`;
  mkdirSync(path);
  writeFileSync(join(path, 'npm'), `#!/bin/sh\necho "CI=$CI npm $*"\n${writeTally}\nexit ${npm.exitCode}\n`);
  chmodSync(join(path, 'npm'), 0o755);
  const { stdout, status } = spawnSync(join(checkout, '.ci/run'), [], {
    cwd: '/',
    encoding: 'utf8',
    env: { PATH: `${path}:${process.env['PATH']}`, MC_CI_BUDGET_SECONDS: String(budgetSeconds) },
  });
  return { lines: stdout.trimEnd().split('\n'), status };
}

function addDrill(path: string): void {
  mkdirSync(dirname(join(checkout, path)), { recursive: true });
  writeFileSync(join(checkout, path), '');
}

const green = '{"passed":12,"failed":0,"skipped":3}';

describe('.ci/run', () => {
  it('runs the tests as in CI and ends with their count', () => {
    expect(run({ tally: green, exitCode: 0 })).toEqual({
      lines: ['CI=true npm --silent test', '12 passed, 0 failed'],
      status: 0,
    });
  });

  it('fails with the failures that were counted', () => {
    const { lines, status } = run({ tally: '{"passed":11,"failed":2,"skipped":0}', exitCode: 1 });
    expect(lines.at(-1)).toBe('11 passed, 2 failed');
    expect(status).toBe(1);
  });

  it.each([green, undefined])('never says that nothing failed when something did (tally %s)', (tally) => {
    const { lines, status } = run({ ...(tally === undefined ? {} : { tally }), exitCode: 1 });
    expect(lines.at(-1)).toMatch(/^\d+ passed, 1 failed$/);
    expect(status).toBe(1);
  });

  it('adds the drills', () => {
    addDrill('dataplane/engine/test/restart.drill.test.ts');
    addDrill('mcdsl/database/kill.drill.test.ts');
    expect(run({ tally: green, exitCode: 0 })).toEqual({
      lines: [
        'CI=true npm --silent test',
        'CI=true npm --silent run drills -- dataplane/engine/test/restart.drill.test.ts',
        'CI=true npm --silent run drills -- mcdsl/database/kill.drill.test.ts',
        '36 passed, 0 failed',
      ],
      status: 0,
    });
  });

  it('names the drills that there is no time for', () => {
    addDrill('mcdsl/database/kill.drill.test.ts');
    expect(run({ tally: green, exitCode: 0 }, 0).lines).toEqual([
      'CI=true npm --silent test',
      'drills left out, no time: mcdsl/database/kill.drill.test.ts',
      '12 passed, 0 failed',
    ]);
  });
});
