import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIp, type IpAddress } from '../net/address.ts';
import { evaluateFirewall, traceFirewall } from './evaluate.ts';
import { compileFirewall, type Firewall } from './firewall.ts';
import { createGeoip } from './geoip.ts';
import { createRateLimiter, createRateTable } from './rate-limiter.ts';
import type { FirewallRules } from './rules.ts';
import { countryMmdb } from './test/mmdb-writer.ts';

const NO_RULES: FirewallRules = {
  blockedIps: [],
  blockedCidrs: [],
  blockedCountries: [],
  allowedCidrs: [],
  rateLimit: 0,
  rateWindowMs: 10_000,
  ratePrefixV4: 32,
  ratePrefixV6: 64,
};

const database = countryMmdb([
  ['203.0.113.0/24', 'DE'],
  ['2001:db8::/32', 'FR'],
]);
const shared = new SharedArrayBuffer(database.length);
database.copy(Buffer.from(shared));

function firewall(rules: Partial<FirewallRules>, clock = () => 0): Firewall {
  return compileFirewall(
    { ...NO_RULES, ...rules },
    { geoip: createGeoip(shared), limiter: createRateLimiter(createRateTable(64), clock) },
  );
}

function ip(text: string): IpAddress {
  return parseIp(text)!;
}

describe('evaluateFirewall', () => {
  it('PX-9 decides in the order allowed_cidrs, blocked_ips, blocked_cidrs, blocked_countries, rate limit', () => {
    const all: FirewallRules = {
      ...NO_RULES,
      allowedCidrs: ['203.0.113.0/24'],
      blockedIps: ['203.0.113.7'],
      blockedCidrs: ['203.0.113.0/25'],
      blockedCountries: ['DE'],
      rateLimit: 1,
    };
    const client = ip('203.0.113.7');
    const decide = (rules: Partial<FirewallRules>): unknown => {
      const compiled = firewall({ ...all, ...rules });
      evaluateFirewall(compiled, client, 'count');
      return evaluateFirewall(compiled, client, 'count');
    };
    const allow = { allowedCidrs: [] };
    const ips = { ...allow, blockedIps: [] };
    const cidrs = { ...ips, blockedCidrs: [] };
    const countries = { ...cidrs, blockedCountries: [] };
    expect(decide({})).toEqual({ kind: 'allow', rule: '203.0.113.0/24' });
    expect(decide(allow)).toEqual({ kind: 'block', reason: 'blocked_ip', rule: '203.0.113.7' });
    expect(decide(ips)).toEqual({ kind: 'block', reason: 'blocked_cidr', rule: '203.0.113.0/25' });
    expect(decide(cidrs)).toEqual({ kind: 'block', reason: 'blocked_country', rule: 'DE' });
    expect(decide(countries)).toEqual({ kind: 'block', reason: 'rate_limited', rule: '1 connections in 10s per /32' });
    expect(decide({ ...countries, rateLimit: 0 })).toEqual({ kind: 'allow' });
    expect(traceFirewall(firewall({}), client).steps.map(({ step }) => step)).toEqual([
      'allowed_cidrs',
      'blocked_ips',
      'blocked_cidrs',
      'blocked_countries',
      'rate_limit',
    ]);
  });

  it('PX-9 allowed_cidrs are never blocked and never counted', () => {
    const compiled = firewall({ allowedCidrs: ['203.0.113.0/24'], blockedCidrs: ['0.0.0.0/0'], rateLimit: 1 });
    for (let i = 0; i < 10; i++) expect(evaluateFirewall(compiled, ip('203.0.113.7'), 'count').kind).toBe('allow');
    expect(compiled.limiter.stats().occupied).toBe(0);
  });

  it('PX-9 a connection that a rule blocks does not count against the rate limit', () => {
    const compiled = firewall({ blockedIps: ['203.0.113.7'], rateLimit: 1 });
    evaluateFirewall(compiled, ip('203.0.113.7'), 'count');
    expect(compiled.limiter.stats().occupied).toBe(0);
  });

  it('PX-10 a mapped address is the IPv4 client that it stands for, in every step', () => {
    const mapped = ip('::ffff:203.0.113.7');
    expect(evaluateFirewall(firewall({ blockedIps: ['203.0.113.7'] }), mapped, 'count').kind).toBe('block');
    expect(evaluateFirewall(firewall({ blockedIps: ['::ffff:cb00:7107'] }), mapped, 'count').kind).toBe('block');
    expect(evaluateFirewall(firewall({ blockedCidrs: ['203.0.113.0/24'] }), mapped, 'count').kind).toBe('block');
    expect(evaluateFirewall(firewall({ blockedCountries: ['DE'] }), mapped, 'count').kind).toBe('block');
    const limited = firewall({ rateLimit: 1 });
    expect(evaluateFirewall(limited, ip('203.0.113.7'), 'count').kind).toBe('allow');
    expect(evaluateFirewall(limited, mapped, 'count').kind).toBe('block');
  });

  it('PX-11 blocks no country while no database is loaded', () => {
    const compiled = firewall({ blockedCountries: ['DE'] });
    compiled.geoip = null;
    expect(evaluateFirewall(compiled, ip('203.0.113.7'), 'count')).toEqual({ kind: 'allow' });
    expect(traceFirewall(compiled, ip('203.0.113.7')).steps[3]?.detail).toContain('no GeoIP database');
  });

  it('PX-12 counts by prefix: a /64 of IPv6 is one client, and the prefix lengths can be set', () => {
    const byDefault = firewall({ rateLimit: 1 });
    const verdict = (compiled: Firewall, text: string): string => evaluateFirewall(compiled, ip(text), 'count').kind;
    expect(verdict(byDefault, '2001:db8:0:1::1')).toBe('allow');
    expect(verdict(byDefault, '2001:db8:0:1:ffff::2')).toBe('block');
    expect(verdict(byDefault, '2001:db8:0:2::1')).toBe('allow');
    expect(verdict(byDefault, '198.51.100.1')).toBe('allow');
    expect(verdict(byDefault, '198.51.100.2')).toBe('allow');
    const wide = firewall({ rateLimit: 1, ratePrefixV4: 24, ratePrefixV6: 48 });
    expect(verdict(wide, '198.51.100.1')).toBe('allow');
    expect(verdict(wide, '198.51.100.2')).toBe('block');
    expect(verdict(wide, '198.51.101.2')).toBe('allow');
    expect(verdict(wide, '2001:db8:0:1::1')).toBe('allow');
    expect(verdict(wide, '2001:db8:0:2::1')).toBe('block');
  });

  it('PX-12 peeking says what would happen and counts nothing', () => {
    let now = 0;
    const compiled = firewall({ rateLimit: 2 }, () => now);
    const client = ip('198.51.100.1');
    const peek = (): string => evaluateFirewall(compiled, client, 'peek').kind;
    for (let i = 0; i < 5; i++) expect(peek()).toBe('allow');
    evaluateFirewall(compiled, client, 'count');
    expect(peek()).toBe('allow');
    evaluateFirewall(compiled, client, 'count');
    expect(peek()).toBe('block');
    expect(traceFirewall(compiled, client).steps.at(-1)).toMatchObject({
      matched: true,
      detail: '2 of 2 in the window',
    });
    now = 10_000;
    expect(peek()).toBe('allow');
  });
});

describe('traceFirewall', () => {
  const subset = (...all: string[]): fc.Arbitrary<string[]> => fc.subarray(all);
  const rules = fc.record({
    allowedCidrs: subset('203.0.113.0/24', '10.0.0.0/8', '2001:db8:1::/48'),
    blockedIps: subset('203.0.113.7', '10.1.2.3', '2001:db8::1'),
    blockedCidrs: subset('203.0.113.0/25', '0.0.0.0/1', '2001::/16'),
    blockedCountries: subset('DE', 'FR', 'US'),
    rateLimit: fc.nat(2),
  });
  const client = fc.constantFrom('203.0.113.7', '203.0.113.200', '10.1.2.3', '2001:db8::1', '2001:db8:1::1', '9.9.9.9');

  it('PX-9 answers what the data path answers, and only its last step decides', () => {
    fc.assert(
      fc.property(rules, fc.array(client, { minLength: 1, maxLength: 6 }), (rules, clients) => {
        const compiled = firewall(rules);
        for (const text of clients) {
          const address = ip(text);
          const { verdict, steps } = traceFirewall(compiled, address);
          expect(evaluateFirewall(compiled, address, 'peek')).toEqual(verdict);
          expect(evaluateFirewall(compiled, address, 'count')).toEqual(verdict);
          expect(steps.slice(0, -1).some(({ matched }) => matched)).toBe(false);
          expect(steps.at(-1)?.rule).toBe(verdict.rule);
          expect(steps.at(-1)?.matched).toBe(verdict.rule !== undefined);
          expect(steps.length === 5 || verdict.rule !== undefined).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});
