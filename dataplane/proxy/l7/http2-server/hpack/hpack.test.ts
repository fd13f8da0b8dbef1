import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HpackDecoder } from './decoder.ts';
import { encodeField, encodeStatus } from './encoder.ts';

const LIMITS = { maxFields: 1_000, maxBytes: 1_000_000 };

function decode(decoder: HpackDecoder, hex: string): string[] {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return decoder.decode(bytes, 0, bytes.length);
}

const REQUEST = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'];
const LAST_REQUEST = [
  ':method',
  'GET',
  ':scheme',
  'https',
  ':path',
  '/index.html',
  ':authority',
  'www.example.com',
  'custom-key',
  'custom-value',
];

describe('RFC 7541 appendix C', () => {
  it.each([
    ['C.2.1', '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572', ['custom-key', 'custom-header']],
    ['C.2.2', '040c 2f73 616d 706c 652f 7061 7468', [':path', '/sample/path']],
    ['C.2.3', '1008 7061 7373 776f 7264 0673 6563 7265 74', ['password', 'secret']],
    ['C.2.4', '82', [':method', 'GET']],
  ])('%s', (_name, hex, fields) => {
    expect(decode(new HpackDecoder(LIMITS), hex)).toEqual(fields);
  });

  it.each([
    [
      'C.3, without Huffman',
      [
        '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '8286 84be 5808 6e6f 2d63 6163 6865',
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      ],
    ],
    [
      'C.4, with Huffman',
      [
        '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
        '8286 84be 5886 a8eb 1064 9cbf',
        '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      ],
    ],
  ])('%s: requests one after the other', (_name, [first = '', second = '', third = '']) => {
    const decoder = new HpackDecoder(LIMITS);
    expect(decode(decoder, first)).toEqual(REQUEST);
    expect(decode(decoder, second)).toEqual([...REQUEST, 'cache-control', 'no-cache']);
    expect(decode(decoder, third)).toEqual(LAST_REQUEST);
  });

  it('C.6: a table of 256 bytes, whose entries go', () => {
    const decoder = new HpackDecoder(LIMITS);
    const first = decode(
      decoder,
      // C.6.1, behind the table's new size.
      `3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d
      29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`.replaceAll(/\s/g, ''),
    );
    const date = 'Mon, 21 Oct 2013 20:13:21 GMT';
    const more = ['cache-control', 'private', 'date', date, 'location', 'https://www.example.com'];
    expect(first).toEqual([':status', '302', ...more]);
    expect(decode(decoder, '4883 640e ffc1 c0bf')).toEqual([':status', '307', ...more]);
    const third = decode(
      decoder,
      `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7
      b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`.replaceAll(
        /\s/g,
        '',
      ),
    );
    expect(third).toEqual([
      ':status',
      '200',
      'cache-control',
      'private',
      'date',
      'Mon, 21 Oct 2013 20:13:22 GMT',
      'location',
      'https://www.example.com',
      'content-encoding',
      'gzip',
      'set-cookie',
      'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
    ]);
  });
});

describe('PX-25 what is no block ends the connection', () => {
  it.each([
    ['index 0', '80'],
    ['an index beyond the tables', 'be'],
    ['a name of an index beyond the tables', '7f00 0161'],
    ['an integer without end', 'ff ffffffff ffffffff'],
    ['an integer that is cut off', 'ff'],
    ['an integer of more than 28 bits', 'ff80808080 01'],
    ['a string that is cut off', '00 0561'],
    ['a string longer than anything', '00 7fffffff7f'],
    ['a value that is missing', '00 0161'],
    ['a table above the limit', '3fe21f'],
    ['a table size behind a field', '82 20'],
    ['EOS in a Huffman code', '00 84ffffffff 00'],
    ['padding that is not of ones', '00 8118 00'],
    ['padding of a byte', '00 821fff 00'],
  ])('%s', (_name, hex) => {
    expect(() => decode(new HpackDecoder(LIMITS), hex)).toThrow(/^HPACK: /);
  });

  it('any bytes are read or thrown out, and a list is never larger than its limits', () => {
    const limits = { maxFields: 8, maxBytes: 512 };
    const decoder = new HpackDecoder(limits);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        let fields: string[];
        try {
          fields = decoder.decode(Buffer.from(bytes), 0, bytes.length);
        } catch (error) {
          expect(String(error)).toContain('HPACK: ');
          return;
        }
        expect(fields.length).toBeLessThanOrEqual(limits.maxFields * 2);
        expect(fields.join('').length).toBeLessThanOrEqual(limits.maxBytes);
      }),
      { numRuns: 5_000 },
    );
  });
});

it('PX-25 a block above the limits is said to be, and the next one is read by the table that it left', () => {
  const decoder = new HpackDecoder({ maxFields: 4, maxBytes: 200 });
  // x: a, stored, and then that field again, a byte each.
  const bomb = Buffer.concat([Buffer.from([0x40, 1, 0x78, 1, 0x61]), Buffer.alloc(10_000, 0xbe)]);
  expect(decoder.decode(bomb, 0, bomb.length)).toHaveLength(8);
  expect(decoder.isTooLarge).toBe(true);
  expect(decode(decoder, 'be')).toEqual(['x', 'a']);
  expect(decoder.isTooLarge).toBe(false);
});

it.each([
  ['upper case in a name', 'X', 'a'],
  ['a space in a name', 'x y', 'a'],
  ['a colon in a name', 'x:y', 'a'],
  ['no name', '', 'a'],
  ['nothing behind the colon', ':', 'a'],
  ['a line end in a value', 'x', 'a\r\nb'],
  ['a NUL in a value', 'x', '\0'],
  ['a space before a value', 'x', ' a'],
  ['a tab after a value', 'x', 'a\t'],
])('PX-25 %s is malformed, also when it comes out of the table', (_name, name, value) => {
  const decoder = new HpackDecoder(LIMITS);
  const text = (one: string): Buffer => Buffer.concat([Buffer.from([one.length]), Buffer.from(one, 'latin1')]);
  const stored = Buffer.concat([Buffer.from([0x40]), text(name), text(value)]);
  for (const block of [stored, Buffer.from([0xbe])]) {
    decoder.decode(block, 0, block.length);
    expect(decoder.isMalformed).toBe(true);
  }
  decode(decoder, '82');
  expect(decoder.isMalformed).toBe(false);
});

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,40}$/);
const value = fc.stringMatching(/^([!-~\x80-\xff]([ -~\x80-\xff]{0,300}[!-~\x80-\xff])?)?$/);
const fields = fc.array(fc.tuple(name, value), { maxLength: 20 });

it('what is encoded is decoded to the same', () => {
  const decoder = new HpackDecoder(LIMITS);
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 999 }), fields, (status, list) => {
      const block = encodeStatus(status) + list.map(([name, value]) => encodeField(name, value)).join('');
      const bytes = Buffer.from(block, 'latin1');
      expect(decoder.decode(bytes, 0, bytes.length)).toEqual([':status', String(status), ...list.flat()]);
      expect(decoder.isMalformed).toBe(false);
    }),
  );
});

it('secrets are never indexed, neither by us nor by those after us', () => {
  for (const name of ['set-cookie', 'authorization']) expect(encodeField(name, 'a').charCodeAt(0) & 0xf0).toBe(0x10);
  expect(encodeField('server', 'a').charCodeAt(0) & 0xf0).toBe(0);
});
