import { describe, expect, it } from 'vitest';
import { coloursFor } from '../terminal/index.ts';
import { formatProblems } from './format.ts';
import { loadConfigText } from './load.ts';
import { example } from './test/example.ts';

const print = (text: string, isTTY = false): string => {
  const result = loadConfigText(example, { file: 'f.toml', text });
  return formatProblems(result.ok ? result.warnings : result.problems, coloursFor({ isTTY }, {}));
};

describe('printed problems', () => {
  it('are nothing for nothing', () => {
    expect(formatProblems([])).toBe('');
  });

  it('are coloured on demand only', () => {
    expect(print('[database]\nx = 1')).not.toContain('\u001b');
    expect(print('[database]\nx = 1', true)).toContain(
      '\u001b[1m\u001b[31merror\u001b[39m\u001b[22m: unknown key "x" in [database]',
    );
  });

  it('keep tabs in front of the mark', () => {
    expect(print('[database]\n\tpath\t= 5')).toContain('    2 | \tpath\t= 5\n      | \t    \t  ^\n');
  });

  it('show of a long line what is around the mark', () => {
    const printed = print(
      `[database]\npath = "/${'x'.repeat(500)}"\n[firewall]\nblocked_ips = ["::1"${', "::1"'.repeat(100)}, 5]\n`,
    );
    const [line = '', mark = ''] = printed.split('\n').slice(1);
    expect(line).toMatch(/^ {4}4 \| ….*, 5\]$/);
    expect([...line].length).toBeLessThan(140);
    expect(line[mark.indexOf('^')]).toBe('5');
  });

  it('show no control characters of the file', () => {
    const printed = print('[database]\n"\\u001b[2J" = 1 # \u202e\n"a\\nb" = 1\n');
    expect(printed).toContain('unknown key "\\u001b[2J"');
    expect(printed).not.toMatch(/[\u001b\u202e\r]/);
  });

  it('stop after the first two hundred', () => {
    const printed = print(`[database]\n${Array.from({ length: 250 }, (_, index) => `k${index} = 1\n`).join('')}`);
    expect(printed.match(/error: /g)).toHaveLength(200);
    expect(printed).toMatch(/250 errors, of which 50 are not shown\n$/);
  });
});
