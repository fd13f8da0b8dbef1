import * as fc from 'fast-check';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { createLineIndex } from './lines.ts';
import { parseToml } from './toml-parse.ts';

const run = (text: string) => parseToml(text, createLineIndex('f', text));
const messages = (text: string) =>
  run(text).problems.map(
    ({ place, message }) => `${place.kind === 'line' ? `${place.line}:${place.column}` : ''} ${message}`,
  );

describe('parsing with recovery', () => {
  it('gives the data of a valid document and no problems', () => {
    const text = 'a = [1, 2]\n[b]\nc = { d = "x" }\n';
    expect(run(text)).toMatchObject({ data: parse(text), problems: [], broken: [] });
  });

  it('reports every broken statement and keeps the others', () => {
    const text = 'a = 1\nb = \nc = 2\nd == 3\n[t]\ne = "open\nf = 3\n';
    expect(messages(text)).toEqual([
      '2:5 this is not a TOML value',
      '4:4 this is not a TOML value',
      '6:5 this string is not closed',
    ]);
    expect(run(text).data).toEqual({ a: 1, c: 2, t: { f: 3 } });
    expect(run(text).broken).toEqual([['b'], ['d'], ['t', 'e']]);
  });

  it('blames the bracket that was left open and reads on after it', () => {
    const text = 'a = [\n  "x",\n  "y"\nb = 1\n[t]\nc = { d = 1\n';
    expect(messages(text)).toEqual(['1:5 this array is not closed', '6:5 this inline table is not closed']);
    expect(run(text).data).toEqual({ b: 1, t: {} });
  });

  it('leaves out the whole of an array with a mistake inside', () => {
    const text = 'a = [\n  1,\n  oops,\n  3,\n]\nb = 1\n';
    expect(messages(text)).toEqual(['3:3 this is not a TOML value']);
    expect(run(text).data).toEqual({ b: 1 });
  });

  it('leaves out the section of a broken or repeated header, with its sub-sections', () => {
    const text = '[a]\nx = 1\n[b\ny = 1\n[b.c]\nz = 1\n[a]\nx = 2\n[d]\nw = 1\n';
    expect(messages(text)).toEqual(['3:3 illegal character in key', '7:1 section [a] is given twice']);
    expect(run(text).data).toEqual({ a: { x: 1 }, d: { w: 1 } });
  });

  it('names both places of a repeated key', () => {
    const [problem] = run('a = 1\n"a" = [\n 2 ]\nb = 3\n').problems;
    expect(problem).toMatchObject({
      kind: 'duplicate',
      message: 'key "a" is given twice',
      place: { line: 2, column: 1 },
      related: { place: { line: 1, column: 1 } },
    });
    expect(run('a = 1\n"a" = [\n 2 ]\nb = 3\n').data).toEqual({ a: 1, b: 3 });
  });

  it('stops after twenty mistakes', () => {
    const { data, problems } = run('x = \n'.repeat(50));
    expect(data).toBe(null);
    expect(problems).toHaveLength(21);
    expect(problems.at(-1)?.message).toMatch(/^too many syntax errors/);
  });

  it('refuses nesting that no configuration needs', () => {
    for (const text of [
      `a = ${'['.repeat(500)}${']'.repeat(500)}`,
      `${'a.'.repeat(500)}b = 1`,
      `[${'a.'.repeat(500)}b]`,
    ]) {
      expect(
        run(text)
          .problems.map((problem) => problem.message)
          .join(),
      ).toMatch(/nested/);
    }
  });

  it('never throws, and never loses a valid document', () => {
    const piece = fc.constantFrom(
      'a',
      'b = 1\n',
      '[t]\n',
      '[[l]]\n',
      '"',
      "'",
      '"""',
      '[',
      ']',
      '{',
      '}',
      '=',
      ',',
      '#',
      '\n',
      '\r',
      '\\',
      '.',
      '\0',
      '\ufeff',
      'c = [1,\n2]\n',
    );
    const any = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece, { maxLength: 40 }).map((list) => list.join('')),
    );
    fc.assert(
      fc.property(any, (text) => {
        const parsed = run(text);
        expect(parsed.data !== null || parsed.problems.length > 0).toBe(true);
        expect(parsed.problems.length).toBeLessThanOrEqual(21);
      }),
      { numRuns: 2000 },
    );
  });
});
