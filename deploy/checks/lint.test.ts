import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { repositoryRoot } from './source-files.ts';

/** The linter's settings are long; these are the rules that must not get lost in them. */
const refused: readonly (readonly [rule: string, source: string])[] = [
  ['no-explicit-any', 'export function f(x: any): void {\n  f(x);\n}\n'],
  ['no-default-export', 'export default 1;\n'],
  ['consistent-type-imports', `import { A } from './a.ts';\nexport type B = A;\n`],
  ['no-non-null-assertion', 'export const f = (x: { a?: string }): string => x.a!;\n'],
  ['no-empty', 'try {\n  f();\n} catch {}\n'],
  ['no-console', `console.log('x');\n`],
  ['no-unused-vars', 'const unused = 1;\n'],
  ['eqeqeq', 'export const f = (x: number): boolean => x == 1;\n'],
  ['prefer-node-protocol', `import { join } from 'path';\nexport const j = join('a');\n`],
];

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lint-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function rulesBrokenBy(name: string, source: string): string {
  writeFileSync(join(directory, name), source);
  const linter = join(repositoryRoot, 'node_modules/.bin/oxlint');
  const settings = join(repositoryRoot, '.oxlintrc.json');
  return spawnSync(linter, ['-c', settings, '-f', 'unix', '.'], { cwd: directory, encoding: 'utf8' }).stdout;
}

describe('the linter', () => {
  it.each(refused)('refuses by %s', (rule, source) => {
    expect(rulesBrokenBy('x.ts', source)).toContain(`(${rule})`);
  });

  it('lets tests assert that something is not null', () => {
    expect(rulesBrokenBy('x.test.ts', 'export const f = (x: { a?: string }): string => x.a!;\n')).not.toContain(
      'Error/',
    );
  });
});
