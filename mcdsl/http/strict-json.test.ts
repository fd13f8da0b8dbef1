import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { SystemError } from '../errors/index.ts';
import { parseStrictJson } from './index.ts';

function reasonOf(text: string | Uint8Array): unknown {
  try {
    parseStrictJson(typeof text === 'string' ? Buffer.from(text) : text);
  } catch (error) {
    if (error instanceof SystemError && error.code === 'invalid_argument') return error.details['reason'];
    throw error;
  }
  return 'accepted';
}

describe('strict JSON', () => {
  it('reads every value that JSON.stringify writes as JSON.parse does', () => {
    const values = fc.jsonValue({ noUnicodeString: false, maxDepth: 8 });
    fc.assert(
      fc.property(values, fc.nat(3), (value, spaces) => {
        const text = JSON.stringify(value, null, spaces);
        fc.pre(!text.includes('"__proto__"') && JSON.stringify(value).isWellFormed());
        fc.pre(!/\\ud[89a-f]/i.test(text));
        expect(parseStrictJson(Buffer.from(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('never throws anything but its own refusal', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(['accepted', 'bad_json', 'bad_encoding']).toContain(reasonOf(bytes));
      }),
    );
  });

  it('refuses a name given twice in one object, however it is written and wherever it stands', () => {
    const name = fc.string({ minLength: 1, maxLength: 8 }).filter((text) => text !== '__proto__');
    fc.assert(
      fc.property(name, fc.array(name, { maxLength: 4 }), fc.nat(3), (twice, others, depth) => {
        const escaped = [...twice].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
        fc.pre([...twice].every((c) => c.length === 1));
        const fields = [...others, twice].map((n) => `${JSON.stringify(n)} : [":"]`);
        const object = `{${[...fields, `"${escaped}":1`].join(' , ')}}`;
        expect(reasonOf(`${'[{"a":'.repeat(depth)}${object}${'}]'.repeat(depth)}`)).toBe('bad_json');
      }),
    );
  });

  it.each<[string, string | Uint8Array, string]>([
    ['__proto__', '{"a":{"__proto__":{}}}', 'bad_json'],
    ['escaped __proto__', '{"\\u005f_proto__":{}}', 'bad_json'],
    ['depth 100', '['.repeat(100) + ']'.repeat(100), 'bad_json'],
    ['depth 33', '['.repeat(33) + ']'.repeat(33), 'bad_json'],
    ['depth 32', '['.repeat(32) + ']'.repeat(32), 'accepted'],
    ['a million brackets', '['.repeat(1_000_000), 'bad_json'],
    ['invalid UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22]), 'bad_encoding'],
    ['an encoded surrogate', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'bad_encoding'],
    ['half a pair', '"\\ud83d"', 'bad_encoding'],
    ['half a pair in a name', '{"\\udc00":1}', 'bad_encoding'],
    ['a whole pair', '"\\ud83d\\ude00"', 'accepted'],
    ['a byte order mark', '\ufeff{}', 'bad_json'],
    ['nothing', '', 'bad_json'],
    ['two values', '{}{}', 'bad_json'],
    ['a comment', '{}//', 'bad_json'],
    ['NaN', '[NaN]', 'bad_json'],
    ['equal names of two objects', '[{"a":1},{"a":{"a":1}}]', 'accepted'],
    ['a value equal to a name', '{"a":"a","b":["a","b"]}', 'accepted'],
    ['quotes and backslashes', '{"a\\\\":"\\"","b":"{\\"b\\":1}"}', 'accepted'],
  ])('%s: row 43 and 17 of the bad inputs', (_name, text, expected) => {
    expect(reasonOf(text)).toBe(expected);
  });
});
