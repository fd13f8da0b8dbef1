import { formatIp, parseIp } from '../net/address.ts';
import { formatCidr, parseCidr, type Cidr } from '../net/cidr.ts';
import { isCountryCode } from './countries.ts';

/** All rules of the firewall as plain data, fit to be sent to a worker. Values are canonical (see parseFirewallRule). */
export interface FirewallRules {
  readonly blockedIps: readonly string[];
  readonly blockedCidrs: readonly string[];
  /** ISO 3166-1 alpha-2. */
  readonly blockedCountries: readonly string[];
  /** Never blocked, never counted. */
  readonly allowedCidrs: readonly string[];
  /** Connections per address prefix and window; 0: off. */
  readonly rateLimit: number;
  readonly rateWindowMs: number;
  readonly ratePrefixV4: number;
  readonly ratePrefixV6: number;
}

export type FirewallRuleKind = 'blocked_ip' | 'blocked_cidr' | 'blocked_country' | 'allowed_cidr';

export interface FirewallRule {
  readonly kind: FirewallRuleKind;
  readonly value: string;
}

/** `network`: the addresses that the rule is about; null for a country. */
export type FirewallRuleParse =
  | { readonly kind: 'rule'; readonly rule: FirewallRule; readonly network: Cidr | null }
  | { readonly kind: 'invalid'; readonly reason: string };

/**
 * Checks a rule as an operator wrote it and brings its value to the one canonical spelling, so that adding, removing and
 * comparing rules never depends on spelling. The reason names what to write instead.
 */
export function parseFirewallRule(kind: FirewallRuleKind, text: string): FirewallRuleParse {
  switch (kind) {
    case 'blocked_ip':
      return addressRule(kind, text);
    case 'blocked_cidr':
    case 'allowed_cidr':
      return cidrRule(kind, text);
    case 'blocked_country':
      return countryRule(kind, text);
    default:
      return kind satisfies never;
  }
}

/** The rules of all four lists, one by one. */
export function* listFirewallRules(rules: FirewallRules): Generator<FirewallRule, void, undefined> {
  for (const value of rules.allowedCidrs) yield { kind: 'allowed_cidr', value };
  for (const value of rules.blockedIps) yield { kind: 'blocked_ip', value };
  for (const value of rules.blockedCidrs) yield { kind: 'blocked_cidr', value };
  for (const value of rules.blockedCountries) yield { kind: 'blocked_country', value };
}

function addressRule(kind: FirewallRuleKind, text: string): FirewallRuleParse {
  const ip = parseIp(text);
  if (ip !== null) {
    const network = { base: ip, prefix: ip.family === 4 ? 32 : 128 };
    return { kind: 'rule', rule: { kind, value: formatIp(ip) }, network };
  }
  const hint = text.includes('/') ? '; a network belongs into blocked_cidrs' : '';
  return { kind: 'invalid', reason: `"${text}" is not an IP address${hint}` };
}

function cidrRule(kind: FirewallRuleKind, text: string): FirewallRuleParse {
  const parse = parseCidr(text);
  switch (parse.kind) {
    case 'cidr':
      return { kind: 'rule', rule: { kind, value: formatCidr(parse.cidr) }, network: parse.cidr };
    case 'host_bits':
      return { kind: 'invalid', reason: `"${text}" has host bits set; the network is ${formatCidr(parse.corrected)}` };
    case 'invalid':
      return parse;
    default:
      return parse satisfies never;
  }
}

function countryRule(kind: FirewallRuleKind, text: string): FirewallRuleParse {
  const code = text.toUpperCase();
  if (isCountryCode(code)) return { kind: 'rule', rule: { kind, value: code }, network: null };
  const hint = code === 'UK' ? '; the United Kingdom is GB' : ', such as "DE"';
  return { kind: 'invalid', reason: `"${text}" is not an ISO 3166-1 alpha-2 country code${hint}` };
}
