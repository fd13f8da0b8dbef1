import { describe, expect, it } from 'vitest';
import { parseIp } from '../net/address.ts';
import { evaluateFirewall } from './evaluate.ts';
import {
  addFirewallRule,
  compileFirewall,
  firewallSizes,
  FirewallRuleError,
  removeFirewallRule,
  setRateLimit,
  type Firewall,
} from './firewall.ts';
import { createRateLimiter, createRateTable } from './rate-limiter.ts';
import type { FirewallRule, FirewallRules } from './rules.ts';

const RULES: FirewallRules = {
  blockedIps: ['192.0.2.1', '2001:db8::1'],
  blockedCidrs: ['198.51.100.0/24', '2001:db8:1::/48'],
  blockedCountries: ['DE'],
  allowedCidrs: ['10.0.0.0/8'],
  rateLimit: 0,
  rateWindowMs: 10_000,
  ratePrefixV4: 32,
  ratePrefixV6: 64,
};

function compile(rules: Partial<FirewallRules> = {}): Firewall {
  const limiter = createRateLimiter(createRateTable(64), () => 0);
  return compileFirewall({ ...RULES, ...rules }, { geoip: null, limiter });
}

function verdict(firewall: Firewall, text: string): unknown {
  return evaluateFirewall(firewall, parseIp(text)!, 'count');
}

describe('compileFirewall', () => {
  it('takes rules that crossed a thread boundary', () => {
    expect(firewallSizes(compile(structuredClone(RULES)))).toEqual({
      allowed_cidr: 1,
      blocked_ip: 2,
      blocked_cidr: 2,
      blocked_country: 1,
    });
  });

  it('names every rule that is wrong', () => {
    const bad = { blockedIps: ['192.0.2.300'], blockedCidrs: ['192.0.2.1/24'], blockedCountries: ['UK'] };
    expect(() => compile(bad)).toThrow(FirewallRuleError);
    expect(() => compile(bad)).toThrow(
      /blocked_ip: .*300.*\nblocked_cidr: .*192\.0\.2\.0\/24.*\nblocked_country: .*GB/,
    );
  });

  it.each([
    { rateLimit: -1 },
    { rateLimit: 1.5 },
    { rateWindowMs: 0 },
    { rateWindowMs: NaN },
    { ratePrefixV4: 33 },
    { ratePrefixV6: 129 },
  ])('refuses %j', (rules) => {
    expect(() => compile(rules)).toThrow(FirewallRuleError);
  });
});

describe('changes', () => {
  it('PX-9 a rule works from the moment it is added until it is removed', () => {
    const firewall = compile();
    const rules: (readonly [FirewallRule, string])[] = [
      [{ kind: 'blocked_ip', value: '203.0.113.1' }, '203.0.113.1'],
      [{ kind: 'blocked_cidr', value: '203.0.113.0/24' }, '203.0.113.9'],
    ];
    for (const [rule, client] of rules) {
      expect(verdict(firewall, client)).toEqual({ kind: 'allow' });
      expect(addFirewallRule(firewall, rule)).toBe(true);
      expect(addFirewallRule(firewall, rule)).toBe(false);
      expect(verdict(firewall, client)).toEqual({ kind: 'block', reason: rule.kind, rule: rule.value });
      expect(removeFirewallRule(firewall, rule)).toBe(true);
      expect(removeFirewallRule(firewall, rule)).toBe(false);
      expect(verdict(firewall, client)).toEqual({ kind: 'allow' });
    }
  });

  it('spelling makes no difference to a rule', () => {
    const firewall = compile();
    expect(addFirewallRule(firewall, { kind: 'blocked_country', value: 'de' })).toBe(false);
    expect(removeFirewallRule(firewall, { kind: 'blocked_ip', value: '2001:DB8:0:0::1' })).toBe(true);
    expect(removeFirewallRule(firewall, { kind: 'blocked_cidr', value: '::ffff:198.51.100.0/120' })).toBe(true);
    expect(firewallSizes(firewall)).toMatchObject({ blocked_ip: 1, blocked_cidr: 1, blocked_country: 1 });
  });

  it('a rule that does not parse changes nothing', () => {
    const firewall = compile();
    const before = firewallSizes(firewall);
    expect(() => addFirewallRule(firewall, { kind: 'blocked_cidr', value: '192.0.2.1/24' })).toThrow('192.0.2.0/24');
    expect(() => setRateLimit(firewall, -1, 1000)).toThrow(FirewallRuleError);
    expect(firewallSizes(firewall)).toEqual(before);
    expect(firewall.rate.limit).toBe(0);
  });

  it('PX-12 the limit changes at once and keeps what was counted', () => {
    const firewall = compile({ rateLimit: 5 });
    const admitted = (): number =>
      Array.from({ length: 10 }, () => evaluateFirewall(firewall, parseIp('203.0.113.1')!, 'count')).filter(
        ({ kind }) => kind === 'allow',
      ).length;
    expect(admitted()).toBe(5);
    setRateLimit(firewall, 8, 60_000);
    expect(admitted()).toBe(3);
    setRateLimit(firewall, 0, 60_000);
    expect(admitted()).toBe(10);
  });

  it('PX-9 100,000 networks: the exact rule is reported, and one more is added beside them', () => {
    const blockedCidrs = Array.from(
      { length: 100_000 },
      (_, i) => `${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0/24`,
    );
    const firewall = compile({ blockedCidrs });
    expect(verdict(firewall, '100.7.9.200')).toEqual({ kind: 'block', reason: 'blocked_cidr', rule: '100.7.9.0/24' });
    expect(verdict(firewall, '99.7.9.200')).toEqual({ kind: 'allow' });
    addFirewallRule(firewall, { kind: 'blocked_cidr', value: '100.7.9.200/32' });
    expect(verdict(firewall, '100.7.9.200')).toMatchObject({ rule: '100.7.9.200/32' });
  });
});
