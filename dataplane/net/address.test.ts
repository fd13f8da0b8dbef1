import { isIP } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIp, ipEquals, ipFromBytes, parseIp, parseSocketIp, type IpAddress } from './address.ts';

const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 });
const sparse16 = fc
  .array(fc.constantFrom(0, 0, 0, 1, 0x0a00, 0xffff), { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255])));
const bytes4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
const anyAddress = fc.oneof(bytes4, bytes16, sparse16).map(ipFromBytes);

function parsed(text: string): IpAddress {
  const ip = parseIp(text);
  if (ip === null) throw new Error(`${text} was refused`);
  return ip;
}

describe('parseIp', () => {
  it.each([
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8::A', '2001:db8::a'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ])('reads %s and writes it as %s', (text, canonical) => {
    expect(formatIp(parsed(text))).toBe(canonical);
  });

  it.each(['::ffff:192.0.2.1', '::ffff:c000:201', '0:0:0:0:0:ffff:c000:0201', '::FFFF:192.0.2.1'])(
    'PX-11 holds the mapped address %s as IPv4',
    (text) => {
      expect(parsed(text)).toEqual(parsed('192.0.2.1'));
      expect(parsed(text).family).toBe(4);
    },
  );

  it.each([
    '',
    '.',
    ':',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.4.',
    '.1.2.3.4',
    '1..2.3',
    '01.2.3.4',
    '1.2.3.04',
    '00.0.0.0',
    '256.1.1.1',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.-4',
    '0x1.2.3.4',
    '1.2.3.4%lo',
    ':::',
    '1:::2',
    '1::2::3',
    ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7:8::',
    '::12345',
    '::g',
    '::1%eth0',
    'fe80::1%',
    '::1.2.3',
    '::1.2.3.256',
    '::1.2.3.4:5',
    '1:2:3:4:5:6:7:1.2.3.4',
    '::01.2.3.4',
    '[::1]',
    '::1/128',
    '١.2.3.4',
    '::１',
  ])('refuses %j', (text) => {
    expect(parseIp(text)).toBeNull();
  });

  it('agrees with the runtime about what is an address', () => {
    const pieces = fc.constantFrom(':', '::', '.', '0', '1', 'ff', 'FFFF', '255', '256', '1.2.3.4', 'g', '00001');
    const near = fc.array(pieces, { maxLength: 17 }).map((parts) => parts.join(''));
    const groups = fc.array(fc.constantFrom('0', '1', 'ab', 'ffff', ''), { minLength: 2, maxLength: 9 });
    const text = fc.oneof(
      near,
      fc.string({ maxLength: 40 }),
      groups.map((all) => all.join(':')),
    );
    fc.assert(
      fc.property(text, (candidate) => {
        expect(parseIp(candidate) !== null).toBe(isIP(candidate) !== 0 && !candidate.includes('%'));
      }),
      { numRuns: 5000 },
    );
  });
});

describe('parseSocketIp', () => {
  it('drops the scope of a link-local address', () => {
    expect(parseSocketIp('fe80::1%eth0')).toEqual(parseIp('fe80::1'));
    expect(parseSocketIp('192.0.2.1')).toEqual(parseIp('192.0.2.1'));
  });

  it.each(['fe80::1%', '192.0.2.1%eth0', '%eth0', 'fe80%eth0::1'])('refuses %j', (text) => {
    expect(parseSocketIp(text)).toBeNull();
  });
});

describe('formatIp', () => {
  it('writes what parseIp reads back, in the spelling that the URL parser also uses', () => {
    fc.assert(
      fc.property(anyAddress, (ip) => {
        const text = formatIp(ip);
        expect(parseIp(text)).toEqual(ip);
        const host = ip.family === 4 ? text : `[${text}]`;
        expect(new URL(`http://${host}/`).hostname).toBe(host);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('ipFromBytes', () => {
  it('reads the words in network byte order', () => {
    fc.assert(
      fc.property(bytes16, (bytes) => {
        const ip = ipFromBytes(bytes);
        expect(ip.words.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255])).toEqual([
          ...bytes,
        ]);
        expect(ipEquals(ipFromBytes(bytes.slice()), ip)).toBe(true);
      }),
    );
  });

  it('reads a mapped address in 16 bytes as IPv4', () => {
    const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 1);
    expect(ipFromBytes(mapped)).toEqual(parsed('192.0.2.1'));
  });

  it('respects the offset of a view', () => {
    expect(ipFromBytes(Uint8Array.of(9, 9, 192, 0, 2, 1).subarray(2))).toEqual(parsed('192.0.2.1'));
  });

  it.each([0, 3, 5, 15, 17])('refuses %i bytes', (length) => {
    expect(() => ipFromBytes(new Uint8Array(length))).toThrow(RangeError);
  });
});
