import { BlockList } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIp, ipFromBytes, parseIp, type IpAddress } from './address.ts';
import { cidrContains, formatCidr, maskIp, parseCidr, type Cidr } from './cidr.ts';

function cidr(text: string): Cidr {
  const parse = parseCidr(text);
  if (parse.kind !== 'cidr') throw new Error(`${text}: ${parse.kind}`);
  return parse.cidr;
}

function ip(text: string): IpAddress {
  const parsed = parseIp(text);
  if (parsed === null) throw new Error(`${text} was refused`);
  return parsed;
}

describe('parseCidr', () => {
  it.each([
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['192.0.2.0/24', '192.0.2.0/24'],
    ['192.0.2.1/32', '192.0.2.1/32'],
    ['::/0', '::/0'],
    ['2001:DB8::/32', '2001:db8::/32'],
    ['::1/128', '::1/128'],
    ['::ffff:192.0.2.0/120', '192.0.2.0/24'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
  ])('reads %s as %s', (text, canonical) => {
    expect(formatCidr(cidr(text))).toBe(canonical);
  });

  it.each([
    ['192.0.2.1/24', '192.0.2.0/24'],
    ['2001:db8::1/32', '2001:db8::/32'],
    ['10.0.0.1/0', '0.0.0.0/0'],
    ['::ffff:192.0.2.1/120', '192.0.2.0/24'],
  ])('refuses the host bits of %s and offers %s', (text, network) => {
    const parse = parseCidr(text);
    expect(parse.kind === 'host_bits' && formatCidr(parse.corrected)).toBe(network);
  });

  it.each([
    '',
    '/',
    '/24',
    '192.0.2.0',
    '192.0.2.0/',
    '192.0.2.0/33',
    '192.0.2.0/-1',
    '192.0.2.0/024',
    '192.0.2.0/+8',
    '192.0.2.0/8 ',
    '192.0.2.0/8/8',
    '192.0.2.0/1e1',
    '2001:db8::/129',
    '2001:db8::/0032',
    'fe80::%eth0/64',
    '::ffff:0.0.0.0/95',
    'example/8',
    '192.0.2/24',
  ])('refuses %j and says why', (text) => {
    const parse = parseCidr(text);
    expect(parse.kind === 'invalid' && parse.reason.length > 10).toBe(true);
  });
});

describe('cidrContains', () => {
  it('keeps the families apart', () => {
    expect(cidrContains(cidr('::/0'), ip('192.0.2.1'))).toBe(false);
    expect(cidrContains(cidr('0.0.0.0/0'), ip('2001:db8::1'))).toBe(false);
    expect(cidrContains(cidr('0.0.0.0/0'), ip('::ffff:192.0.2.1'))).toBe(true);
  });

  it('agrees with the block list of the runtime', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    fc.assert(
      fc.property(bytes, fc.nat(128), fc.nat(128), (base, prefixSeed, flip) => {
        const address = ipFromBytes(base);
        const bits = address.family === 4 ? 32 : 128;
        const prefix = prefixSeed % (bits + 1);
        const other = Uint8Array.from(base);
        const flipped = flip % (bits + 1);
        if (flipped < bits) other[flipped >> 3]! ^= 0x80 >> (flipped & 7);
        const block = { base: maskIp(address, prefix), prefix };
        const family = address.family === 4 ? 'ipv4' : 'ipv6';
        const list = new BlockList();
        list.addSubnet(formatIp(block.base), prefix, family);
        for (const probe of [address, ipFromBytes(other)]) {
          expect(cidrContains(block, probe)).toBe(list.check(formatIp(probe), family));
        }
        expect(parseCidr(formatCidr(block))).toEqual({ kind: 'cidr', cidr: block });
      }),
      { numRuns: 2000 },
    );
  });
});

describe('maskIp', () => {
  it('refuses a prefix that the family does not have', () => {
    expect(() => maskIp(ip('192.0.2.1'), 33)).toThrow(RangeError);
    expect(() => maskIp(ip('::1'), 129)).toThrow(RangeError);
    expect(() => maskIp(ip('::1'), 1.5)).toThrow(RangeError);
  });
});
