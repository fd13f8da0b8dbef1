import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCountryCode } from './countries.ts';
import { parseFirewallRule, type FirewallRuleKind } from './rules.ts';

describe('parseFirewallRule', () => {
  it.each<[FirewallRuleKind, string, string]>([
    ['blocked_ip', '192.0.2.1', '192.0.2.1'],
    ['blocked_ip', '::ffff:192.0.2.1', '192.0.2.1'],
    ['blocked_ip', '2001:DB8:0::1', '2001:db8::1'],
    ['blocked_cidr', '2001:DB8::/32', '2001:db8::/32'],
    ['allowed_cidr', '::ffff:10.0.0.0/104', '10.0.0.0/8'],
    ['blocked_country', 'de', 'DE'],
    ['blocked_country', 'XK', 'XK'],
  ])('brings %s %s to %s', (kind, text, value) => {
    expect(parseFirewallRule(kind, text)).toMatchObject({ kind: 'rule', rule: { kind, value } });
  });

  it.each<[FirewallRuleKind, string, string]>([
    ['blocked_ip', '192.0.2.0/24', 'blocked_cidrs'],
    ['blocked_ip', 'example.test', 'not an IP address'],
    ['blocked_cidr', '192.0.2.1/24', '192.0.2.0/24'],
    ['blocked_cidr', '192.0.2.1', '192.0.2.1/32'],
    ['allowed_cidr', '10.0.0.0/40', '0 to 32'],
    ['blocked_country', 'UK', 'GB'],
    ['blocked_country', 'Germany', 'alpha-2'],
    ['blocked_country', 'ZZ', 'alpha-2'],
    ['blocked_country', '', 'alpha-2'],
  ])('refuses %s %j and tells %s', (kind, text, hint) => {
    const parse = parseFirewallRule(kind, text);
    expect(parse.kind === 'invalid' && parse.reason).toContain(hint);
  });

  it('is stable: the canonical value parses to itself', () => {
    const kind = fc.constantFrom<FirewallRuleKind>('blocked_ip', 'blocked_cidr', 'blocked_country', 'allowed_cidr');
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.string({ maxLength: 3 }),
      fc.tuple(fc.ipV4(), fc.nat(33)).map((p) => p.join('/')),
    );
    fc.assert(
      fc.property(kind, text, (kind, text) => {
        const parse = parseFirewallRule(kind, text);
        if (parse.kind === 'rule') expect(parseFirewallRule(kind, parse.rule.value)).toEqual(parse);
      }),
    );
  });
});

describe('country codes', () => {
  it('are known to the runtime, and none of its regions is missing but unions and exceptional reservations', () => {
    const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });
    const letters = Array.from({ length: 26 }, (_, i) => String.fromCharCode(65 + i));
    const all = letters.flatMap((a) => letters.map((b) => a + b));
    const known = all.filter(isCountryCode);
    expect(known).toHaveLength(250);
    expect(known.filter((code) => names.of(code) === undefined)).toEqual([]);
    const canonical = all.filter(
      (code) => names.of(code) !== undefined && new Intl.Locale(`und-${code}`).region === code,
    );
    const notCountries = ['AC', 'CP', 'CQ', 'DG', 'EA', 'EU', 'EZ', 'IC', 'QO', 'TA', 'UN', 'XA', 'XB', 'ZZ'];
    expect(canonical.filter((code) => !isCountryCode(code) && !notCountries.includes(code))).toEqual([]);
  });
});
