import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipFromBytes, parseIp, type IpAddress } from '../net/address.ts';
import { cidrContains, formatCidr, maskIp, parseCidr, type Cidr } from '../net/cidr.ts';
import { createPrefixSet } from './prefix-set.ts';

function cidr(text: string): Cidr {
  const parse = parseCidr(text);
  if (parse.kind !== 'cidr') throw new Error(text);
  return parse.cidr;
}

/** Few distinct bytes, so that networks nest, repeat and meet the probes. */
const address: fc.Arbitrary<IpAddress> = fc
  .oneof(
    fc.array(fc.constantFrom(0, 10, 128, 255), { minLength: 4, maxLength: 4 }),
    fc.array(fc.constantFrom(0, 0, 1, 255), { minLength: 16, maxLength: 16 }),
  )
  .map((bytes) => ipFromBytes(Uint8Array.from(bytes)));

const network: fc.Arbitrary<Cidr> = fc.tuple(address, fc.nat(128)).map(([base, seed]) => {
  const prefix = seed % (base.family === 4 ? 33 : 129);
  return { base: maskIp(base, prefix), prefix };
});

describe('PX-9 the set of networks', () => {
  it('answers as a list that is searched from end to end, through additions and removals', () => {
    const action = fc.record({ op: fc.constantFrom('add', 'add', 'remove'), network });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), fc.array(address, { maxLength: 10 }), (actions, probes) => {
        const set = createPrefixSet();
        const model = new Map<string, Cidr>();
        for (const { op, network } of actions) {
          const text = formatCidr(network);
          if (op === 'add') {
            expect(set.add(network, text)).toBe(!model.has(text));
            model.set(text, network);
          } else {
            expect(set.remove(network)).toBe(model.delete(text));
          }
          expect(set.size).toBe(model.size);
        }
        for (const probe of [...probes, ...actions.map(({ network }) => network.base)]) {
          const holding = [...model].filter(([, network]) => cidrContains(network, probe));
          const expected = holding.toSorted(([, a], [, b]) => b.prefix - a.prefix)[0]?.[0] ?? null;
          expect(set.match(probe)).toBe(expected);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('reports the most specific network', () => {
    const set = createPrefixSet();
    for (const text of ['0.0.0.0/0', '10.0.0.0/8', '10.1.0.0/16', '::/0', '2001:db8::/32']) set.add(cidr(text), text);
    expect(set.match(parseIp('10.1.2.3')!)).toBe('10.1.0.0/16');
    expect(set.match(parseIp('10.2.2.3')!)).toBe('10.0.0.0/8');
    expect(set.match(parseIp('::ffff:8.8.8.8')!)).toBe('0.0.0.0/0');
    expect(set.match(parseIp('2001:db8::1')!)).toBe('2001:db8::/32');
    expect(set.match(parseIp('2001:db9::1')!)).toBe('::/0');
  });

  it('keeps IPv6 networks away from IPv4 addresses, mapped ones included', () => {
    const set = createPrefixSet();
    for (const text of ['::/0', '::/80', '::/96']) set.add(cidr(text), text);
    expect(set.match(parseIp('8.8.8.8')!)).toBeNull();
    expect(set.match(parseIp('::ffff:8.8.8.8')!)).toBeNull();
  });

  it('holds 100,000 networks, finds each, and is empty after all are removed', () => {
    const set = createPrefixSet();
    const networks = Array.from({ length: 100_000 }, (_, i) => {
      const [high, middle, low] = [i >> 16, (i >> 8) & 255, i & 255];
      const text = i % 2 === 0 ? `${high}.${middle}.${low}.0/24` : `2001:${middle.toString(16)}:${low}:${high}::/64`;
      return { text, parsed: cidr(text) };
    });
    expect(networks.every(({ text, parsed }) => set.add(parsed, text))).toBe(true);
    expect(set.size).toBe(100_000);
    expect(networks.every(({ text, parsed }) => set.match(parsed.base) === text)).toBe(true);
    expect(networks.every(({ parsed }) => set.remove(parsed))).toBe(true);
    expect(set.size).toBe(0);
    expect(networks.every(({ parsed }) => set.match(parsed.base) === null)).toBe(true);
  });
});
