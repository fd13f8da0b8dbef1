import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkOutBase } from '../base-checkout.ts';
import { batch, BATCH, sink } from '../batch.ts';
import { joinRounds } from '../model.ts';
import { parseMicroOptions } from '../options.ts';
import { formatMicro } from '../report.ts';
import { runMicro } from '../run-vitest.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

/** A tiny repository with one benchmark, and a branch whose piece does a hundred times the work. */
let repository: string;
beforeAll(() => {
  repository = mkdtempSync(join(tmpdir(), 'bench-micro-test-'));
  const write = (path: string, text: string): void => {
    mkdirSync(join(repository, path, '..'), { recursive: true });
    writeFileSync(join(repository, path), text);
  };
  for (const file of ['vitest.config.ts', 'reporter.ts', 'model.ts']) {
    write(`bench/micro/${file}`, readFileSync(join(ROOT, 'bench/micro', file), 'utf8'));
  }
  write('package.json', '{ "type": "module" }\n');
  write('piece.ts', pieceOf(100));
  git('init', '--quiet');
  git('add', '.');
  git('-c', 'user.name=a', '-c', 'user.email=a@example.test', 'commit', '--quiet', '-m', 'base');
  write('piece.ts', pieceOf(10_000));
  write(
    'bench/micro/piece.bench.ts',
    `import { test } from 'vitest';
import { piece } from '../../piece.ts';
test('piece', async ({ bench }) => {
  await bench('work', () => piece()).run({ time: 50, warmupTime: 10 });
});
`,
  );
  write('bench/micro/broken.bench.ts', `throw new Error('not here');\n`);
  // Installed packages stand beside every checkout.
  execFileSync('ln', ['-s', join(ROOT, 'node_modules'), join(repository, 'node_modules')]);
});
afterAll(() => rmSync(repository, { recursive: true, force: true }));

function pieceOf(rounds: number): string {
  return `export const piece = (): number => {
  let sum = 0;
  for (let round = 0; round < ${rounds}; round++) sum += Math.sqrt(round);
  return sum;
};
`;
}

function git(...args: readonly string[]): string {
  return execFileSync('git', args, { cwd: repository, encoding: 'utf8' });
}

describe('BE-8 base against branch', () => {
  it('runs the benchmarks of the branch on the sources of both', async () => {
    const never = new AbortController().signal;
    using base = checkOutBase({ root: repository, revision: 'HEAD', benchmarks: 'bench/micro' });
    expect(readFileSync(join(base.root, 'piece.ts'), 'utf8')).toBe(pieceOf(100));
    const runs = [await runMicro(repository, [], never), await runMicro(base.root, [], never)] as const;
    for (const { figures, broken } of runs) {
      expect(figures).toMatchObject([{ file: 'bench/micro/piece.bench.ts', name: 'work' }]);
      expect(broken).toEqual(['bench/micro/broken.bench.ts']);
    }
    const [result] = joinRounds([runs[0]], [runs[1]]);
    expect(result?.branchUs[0]).toBeGreaterThan(result?.baseUs[0] ?? Number.NaN);
  });

  it('leaves no worktree behind, also when git does not know the revision', () => {
    const checkout = checkOutBase({ root: repository, revision: 'HEAD', benchmarks: 'bench/micro' });
    checkout[Symbol.dispose]();
    expect(existsSync(checkout.root)).toBe(false);
    expect(() => checkOutBase({ root: repository, revision: 'nothing', benchmarks: 'bench/micro' })).toThrow('nothing');
    expect(git('worktree', 'list').trim().split('\n')).toHaveLength(1);
  });

  it('prints the ratio of each round as median with min and max', () => {
    const one = { file: 'bench/micro/dataplane/net/x.bench.ts', name: 'work' };
    const us = (branchUs: number[], baseUs: number[]) => ({ ...one, branchUs, baseUs });
    expect(formatMicro([us([10, 20, 30], [10, 10, 10]), us([5], [])])).toBe(
      `FILE             BENCHMARK  NS/OP  BASE NS/OP             RATIO
dataplane/net/x  work        20.0        10.0  2.00 (1.00–3.00)
dataplane/net/x  work         5.0           -                 -
`,
    );
    expect(formatMicro([us([5], [])])).toBe('FILE             BENCHMARK  NS/OP\ndataplane/net/x  work         5.0\n');
  });
});

describe('BE-8 command line', () => {
  it('takes files, a base and rounds', () => {
    expect(parseMicroOptions([])).toEqual({ filters: [], base: null, rounds: 3, json: null });
    expect(parseMicroOptions(['routing', '--base', 'main', '--rounds', '5', '--json', 'a'])).toEqual({
      filters: ['routing'],
      base: 'main',
      rounds: 5,
      json: 'a',
    });
    expect(parseMicroOptions(['--help'])).toBe('help');
  });

  it.each([
    ['--rounds', '0'],
    ['--rounds', 'x'],
    ['--bases', 'main'],
  ])('refuses %j', (...args) => {
    expect(parseMicroOptions(args)).toHaveProperty('problem');
  });
});

describe('a batch', () => {
  it('does the operation on one input after the other', () => {
    const seen: number[] = [];
    batch([1, 2, 3], (input) => seen.push(input))();
    expect(seen).toHaveLength(BATCH);
    expect(seen.slice(0, 4)).toEqual([1, 2, 3, 1]);
    expect(sink.value).toBe(BATCH);
    expect(() => batch([], () => 0)).toThrow('needs inputs');
  });
});
