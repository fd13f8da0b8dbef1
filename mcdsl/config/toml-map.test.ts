import * as fc from 'fast-check';
import { parse, stringify } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { findNode, mapToml } from './toml-map.ts';
import type { TomlNode } from './toml-map.ts';
import { isTable } from './tables.ts';
import type { ConfigPath } from './types.ts';

/** Every path of a document's data with its value. */
function* entries(value: unknown, path: ConfigPath = []): Generator<[ConfigPath, unknown]> {
  if (path.length > 0) yield [path, value];
  if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* entries(item, [...path, index]);
  else if (isTable(value)) for (const key of Object.keys(value)) yield* entries(value[key], [...path, key]);
}

function slice(text: string, span: TomlNode['key']): string {
  return span === null ? '' : text.slice(span.offset, span.offset + span.length);
}

/** The map's keys and values, read where the map says they are, are what the parser found. */
function expectMapAgrees(text: string): void {
  const { root, statements } = mapToml(text);
  expect(statements.every((statement) => statement.complete)).toBe(true);
  for (const [path, value] of entries(parse(text))) {
    const { node, depth } = findNode(root, path);
    expect({ path, depth }).toEqual({ path, depth: path.length });
    const last = path.at(-1);
    if (typeof last === 'string') {
      expect(Object.keys(parse(`${slice(text, node.key)} = 1`))).toEqual([last]);
    }
    const source = slice(text, node.value);
    if (source.startsWith('[') && isTable(value)) {
      // A table by header: the header's last part is the key, or the table's implied parent of it.
      expect(source).toMatch(/^\[\[?[^]*\]$/);
    } else if (source !== '' && !(source.startsWith('[[') && Array.isArray(value))) {
      expect(parse(`v = ${source}`)['v']).toEqual(value);
    } else if (source === '') {
      expect(isTable(value)).toBe(true);
    }
  }
}

const key = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/),
  fc.string({ maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.constantFrom('__proto__', 'constructor', 'a.b', '', ' ', '"', "'", '[x]', '#', '='),
);

const scalar = fc.oneof(
  fc.integer(),
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom('"', '\\', '# no comment', "'''", '"""', '\n', '\t', ']', '}', 'a = 1'),
);

interface Doc {
  [key: string]: unknown;
}
const { table } = fc.letrec<{ table: Doc; value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(scalar, { maxLength: 4 }),
    fc.array(tie('table'), { minLength: 1, maxLength: 3 }),
    tie('table'),
  ),
  table: fc.dictionary(key, tie('value'), { maxKeys: 5, noNullPrototype: false }),
}));

/** Blanks, comments and line ends as TOML allows them between statements and inside arrays. */
const blank = fc.constantFrom('', ' ', '\t', '  ');
const filler = fc.constantFrom('', ' ', '\n', ' # "[x]\n', '\r\n\t', '\n\n # ]\n');
const literal = fc.constantFrom(
  '1',
  '-0.5e3',
  '0xff',
  'true',
  '"a"',
  "'b\\'",
  '"é\\u00e9\\"]"',
  '"""x\n"y"" # ""\\""""',
  '"""""two"""""',
  "'''\nz'\n'''",
  '1979-05-27T07:32:00Z',
  '1979-05-27 07:32:00',
  '07:32:00',
  '[]',
  '{}',
);
const { composed } = fc.letrec<{ composed: string; array: string; inline: string }>((tie) => ({
  composed: fc.oneof({ maxDepth: 3 }, literal, tie('array'), tie('inline')),
  array: fc
    .tuple(fc.array(fc.tuple(filler, tie('composed'), filler), { maxLength: 4 }), fc.boolean(), filler)
    .map(([items, comma, end]) => {
      const inner = items.map(([before, value, after]) => before + value + after).join(',');
      return `[${inner}${comma && items.length > 0 ? ',' : ''}${end}]`;
    }),
  inline: fc
    .array(fc.tuple(blank, tie('composed'), blank), { maxLength: 3 })
    .map((pairs) => `{${pairs.map(([a, value, b], index) => `${a}k${index}.x${b} =${a}${value}${b}`).join(',')}}`),
}));
const writtenKey = (name: string): fc.Arbitrary<string> =>
  fc.constantFrom(name, `"${name}"`, `'${name}'`, `${name} . "sub key"`, `${name}.\t'#'.z`, `"\\u0041${name}"`);
const statements = (prefix: string): fc.Arbitrary<string> =>
  fc
    .array(fc.tuple(blank, blank, composed, fc.constantFrom('\n', ' # c = "\n', '\r\n')), { maxLength: 4 })
    .chain((list) =>
      fc
        .tuple(...list.map((_, index) => writtenKey(`${prefix}${index}`)))
        .map((keys) =>
          list.map(([a, b, value, end], index) => `${a}${keys[index]}${b}=${b}${value}${a}${end}`).join(''),
        ),
    );
const written = fc
  .tuple(
    fc.constantFrom('', '\ufeff'),
    statements('top'),
    fc.array(
      fc.constantFrom('[[list]]', '[[ list . "in ner" ]]', '[list.sub]', '[other]', '[other.deep.er]', '[[x.y]]'),
      {
        maxLength: 6,
      },
    ),
    statements('inner'),
  )
  .map(([bom, top, headers, inner]) => `${bom}${top}${headers.map((header) => `${header} # c\n${inner}`).join('')}`)
  .filter((text) => {
    try {
      parse(text);
      return true;
    } catch {
      return false;
    }
  });

describe('the map of a TOML document', () => {
  it('agrees with the parser on generated data in canonical form', () => {
    fc.assert(
      fc.property(table, (data) => {
        expectMapAgrees(stringify(data));
      }),
      { numRuns: 300 },
    );
  });

  it('agrees with the parser on every way of writing it', () => {
    fc.assert(fc.property(written, expectMapAgrees), { numRuns: 500 });
  });

  it('never throws, and stays within the text', () => {
    const pieces = fc.array(
      fc.constantFrom(
        '[',
        ']',
        '{',
        '}',
        '"',
        "'",
        '"""',
        "'''",
        '=',
        ',',
        '.',
        '#',
        '\n',
        '\r',
        '\\',
        'a',
        '1',
        ' ',
        '\0',
        '\u{1f600}',
        '\ud800',
      ),
      { maxLength: 60 },
    );
    const any = fc.oneof(
      fc.string({ unit: 'binary' }),
      pieces.map((list) => list.join('')),
    );
    const check = (text: string, node: TomlNode): void => {
      for (const span of [node.key, node.value]) {
        if (span !== null) expect(span.offset + span.length).toBeLessThanOrEqual(text.length);
      }
      for (const child of [...node.children.values(), ...node.items]) check(text, child);
    };
    fc.assert(
      fc.property(any, (text) => {
        check(text, mapToml(text).root);
      }),
      { numRuns: 2000 },
    );
  });

  it('survives nesting of any depth', () => {
    for (const opening of ['[', '{a=', 'a.', '[[', '{']) mapToml(`a = ${opening.repeat(100_000)}`);
    mapToml(`[${'a.'.repeat(100_000)}b]`);
  });

  it('points at the first of two equal keys', () => {
    const { root } = mapToml('a = 1\na = 2\n');
    expect(findNode(root, ['a']).node.value).toEqual({ offset: 4, length: 1 });
  });

  it('follows sub-tables into the last element of an array of tables', () => {
    const text = '[[l]]\n[[l.r]]\na = 1\n[[l]]\n[l.r]\na = 2\n';
    const { root } = mapToml(text);
    expect(slice(text, findNode(root, ['l', 0, 'r', 0, 'a']).node.value)).toBe('1');
    expect(slice(text, findNode(root, ['l', 1, 'r', 'a']).node.value)).toBe('2');
  });
});
