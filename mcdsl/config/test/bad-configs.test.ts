import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatProblems, loadConfigText } from '../index.ts';
import { example } from './example.ts';

// Each bad/NAME.toml stands beside NAME.txt, the exact words of `config check` for it.
const folder = join(import.meta.dirname, 'bad');
const names = readdirSync(folder).filter((name) => name.endsWith('.toml'));

describe('the words of config check', () => {
  it.each(names)('%s', async (name) => {
    const result = loadConfigText(example, { file: name, text: readFileSync(join(folder, name), 'utf8') });
    const printed = formatProblems(result.ok ? result.warnings : result.problems);
    expect(result.ok).toBe(false);
    await expect(printed).toMatchFileSnapshot(join(folder, name.replace(/\.toml$/, '.txt')));
  });

  it('are there for every file', () => {
    const expected = readdirSync(folder).filter((name) => name.endsWith('.txt'));
    expect(expected).toEqual(names.map((name) => name.replace(/\.toml$/, '.txt')));
  });
});
