import type { IpAddress } from '../net/address.ts';
import { maskWord, type Cidr } from '../net/cidr.ts';
import type { Geoip } from './geoip.ts';
import { createPrefixSet, type PrefixSet } from './prefix-set.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { listFirewallRules, parseFirewallRule, type FirewallRule, type FirewallRules } from './rules.ts';

/**
 * The rules in the form that decides. A worker owns one and changes it in place, in one turn of its loop, so that no
 * connection sees half a change; a change of one rule costs O(1) however many there are. evaluateFirewall reads it.
 */
export interface Firewall {
  readonly allowedCidrs: PrefixSet;
  readonly blockedIps: PrefixSet;
  readonly blockedCidrs: PrefixSet;
  readonly blockedCountries: Set<string>;
  readonly limiter: RateLimiter;
  /** Null: no database is loaded, and no country is ever blocked. */
  geoip: Geoip | null;
  rate: RateRule;
}

export interface FirewallDeps {
  readonly geoip: Geoip | null;
  readonly limiter: RateLimiter;
}

/** A rate limit with the texts that name it in verdicts, so that refusing a flood builds no strings. */
export interface RateRule {
  /** 0: off. */
  readonly limit: number;
  readonly windowMs: number;
  readonly prefixV4: number;
  readonly prefixV6: number;
  readonly textV4: string;
  readonly textV6: string;
}

export class FirewallRuleError extends Error {
  override readonly name = 'FirewallRuleError';
  readonly code = 'firewall_rule_invalid';
}

/** Throws FirewallRuleError, naming every bad rule, when one does not parse. A rule that is given twice counts once. */
export function compileFirewall(rules: FirewallRules, deps: FirewallDeps): Firewall {
  const firewall: Firewall = {
    allowedCidrs: createPrefixSet(),
    blockedIps: createPrefixSet(),
    blockedCidrs: createPrefixSet(),
    blockedCountries: new Set(),
    limiter: deps.limiter,
    geoip: deps.geoip,
    rate: rateRule(rules.rateLimit, rules.rateWindowMs, rules.ratePrefixV4, rules.ratePrefixV6),
  };
  const problems: string[] = [];
  for (const rule of listFirewallRules(rules)) {
    try {
      addFirewallRule(firewall, rule);
    } catch (error) {
      if (!(error instanceof FirewallRuleError)) throw error;
      problems.push(error.message);
    }
  }
  if (problems.length > 0) throw new FirewallRuleError(problems.join('\n'));
  return firewall;
}

/** False when the rule was there already. Throws FirewallRuleError, and changes nothing, when it does not parse. */
export function addFirewallRule(firewall: Firewall, rule: FirewallRule): boolean {
  const { kind, value, network } = parseRule(rule);
  if (network !== null) return networksOf(firewall, kind).add(network, value);
  if (firewall.blockedCountries.has(value)) return false;
  firewall.blockedCountries.add(value);
  return true;
}

/** False when there was no such rule. Throws FirewallRuleError when it does not parse. */
export function removeFirewallRule(firewall: Firewall, rule: FirewallRule): boolean {
  const { kind, value, network } = parseRule(rule);
  return network === null ? firewall.blockedCountries.delete(value) : networksOf(firewall, kind).remove(network);
}

/** Throws FirewallRuleError when a figure is out of range. The records of the limiter stay. */
export function setRateLimit(firewall: Firewall, limit: number, windowMs: number): void {
  firewall.rate = rateRule(limit, windowMs, firewall.rate.prefixV4, firewall.rate.prefixV6);
}

/** How many rules of each kind there are, for metrics. */
export function firewallSizes(firewall: Firewall): Readonly<Record<FirewallRule['kind'], number>> {
  return {
    allowed_cidr: firewall.allowedCidrs.size,
    blocked_ip: firewall.blockedIps.size,
    blocked_cidr: firewall.blockedCidrs.size,
    blocked_country: firewall.blockedCountries.size,
  };
}

/** Counts a connection of the address's prefix; false when the limit is reached. Allocates nothing. */
export function takeRate(firewall: Firewall, ip: IpAddress): boolean {
  const { limiter, rate } = firewall;
  const [w0, w1, w2, w3] = ip.words;
  if (ip.family === 4) return limiter.take(w0, w1, w2, maskWord(w3, rate.prefixV4), rate.limit, rate.windowMs);
  const p = rate.prefixV6;
  const m2 = maskWord(w2, p - 64);
  return limiter.take(maskWord(w0, p), maskWord(w1, p - 32), m2, maskWord(w3, p - 96), rate.limit, rate.windowMs);
}

/** How many connections of the address's prefix the window holds. Counts nothing. */
export function usedRate(firewall: Firewall, ip: IpAddress): number {
  const { limiter, rate } = firewall;
  const [w0, w1, w2, w3] = ip.words;
  if (ip.family === 4) return limiter.used(w0, w1, w2, maskWord(w3, rate.prefixV4), rate.windowMs);
  const p = rate.prefixV6;
  return limiter.used(maskWord(w0, p), maskWord(w1, p - 32), maskWord(w2, p - 64), maskWord(w3, p - 96), rate.windowMs);
}

function rateRule(limit: number, windowMs: number, prefixV4: number, prefixV6: number): RateRule {
  check('the rate limit', limit, 0, 0xffff_ffff);
  check('the rate window in milliseconds', windowMs, 1, Number.MAX_SAFE_INTEGER);
  check('the rate prefix for IPv4', prefixV4, 0, 32);
  check('the rate prefix for IPv6', prefixV6, 0, 128);
  const text = `${limit} connections in ${windowMs / 1000}s per`;
  return { limit, windowMs, prefixV4, prefixV6, textV4: `${text} /${prefixV4}`, textV6: `${text} /${prefixV6}` };
}

function check(what: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new FirewallRuleError(`${what} is a whole number from ${min} to ${max}, not ${value}`);
}

function parseRule(rule: FirewallRule): FirewallRule & { readonly network: Cidr | null } {
  const parse = parseFirewallRule(rule.kind, rule.value);
  if (parse.kind === 'invalid') throw new FirewallRuleError(`${rule.kind}: ${parse.reason}`);
  return { kind: parse.rule.kind, value: parse.rule.value, network: parse.network };
}

function networksOf(firewall: Firewall, kind: FirewallRule['kind']): PrefixSet {
  switch (kind) {
    case 'allowed_cidr':
      return firewall.allowedCidrs;
    case 'blocked_ip':
      return firewall.blockedIps;
    case 'blocked_cidr':
      return firewall.blockedCidrs;
    case 'blocked_country':
      throw new FirewallRuleError('a country has no network');
    default:
      return kind satisfies never;
  }
}
