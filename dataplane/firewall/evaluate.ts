import type { IpAddress } from '../net/address.ts';
import { takeRate, usedRate, type Firewall } from './firewall.ts';

/** `rule`: the network, address, country or limit that decided; an allow without one is the default. */
export type FirewallVerdict =
  | { readonly kind: 'allow'; readonly rule?: string }
  | { readonly kind: 'block'; readonly reason: FirewallReason; readonly rule: string };

export type FirewallReason = 'blocked_ip' | 'blocked_cidr' | 'blocked_country' | 'rate_limited';

/** `count`: the connection exists and counts against the rate limit. `peek`: would it be let in? Nothing changes. */
export type FirewallMode = 'count' | 'peek';

export interface FirewallTraceStep {
  readonly step: string;
  /** The step decided; it is then the last one. */
  readonly matched: boolean;
  /** Set when it decided. */
  readonly rule?: string;
  /** What the step looked at, for the operator. */
  readonly detail: string;
}

export interface FirewallTrace {
  readonly verdict: FirewallVerdict;
  readonly steps: readonly FirewallTraceStep[];
}

interface Step {
  readonly name: string;
  /** Null: go on. Allocates only a verdict. */
  decide(firewall: Firewall, ip: IpAddress, mode: FirewallMode): FirewallVerdict | null;
  describe(firewall: Firewall, ip: IpAddress): string;
}

/** PX-9: the one place where the order is written. */
const STEPS: readonly Step[] = [
  {
    name: 'allowed_cidrs',
    decide(firewall, ip) {
      const rule = firewall.allowedCidrs.match(ip);
      return rule === null ? null : { kind: 'allow', rule };
    },
    describe: (firewall) => `${firewall.allowedCidrs.size} networks`,
  },
  {
    name: 'blocked_ips',
    decide: (firewall, ip) => block('blocked_ip', firewall.blockedIps.match(ip)),
    describe: (firewall) => `${firewall.blockedIps.size} addresses`,
  },
  {
    name: 'blocked_cidrs',
    decide: (firewall, ip) => block('blocked_cidr', firewall.blockedCidrs.match(ip)),
    describe: (firewall) => `${firewall.blockedCidrs.size} networks`,
  },
  {
    name: 'blocked_countries',
    decide(firewall, ip) {
      if (firewall.geoip === null || firewall.blockedCountries.size === 0) return null;
      const country = firewall.geoip.country(ip);
      return country !== null && firewall.blockedCountries.has(country) ? block('blocked_country', country) : null;
    },
    describe(firewall, ip) {
      if (firewall.geoip === null) return 'no GeoIP database is loaded';
      return `the address is in ${firewall.geoip.country(ip) ?? 'no known country'}`;
    },
  },
  {
    name: 'rate_limit',
    decide(firewall, ip, mode) {
      const { rate } = firewall;
      if (rate.limit === 0) return null;
      const admitted = mode === 'count' ? takeRate(firewall, ip) : usedRate(firewall, ip) < rate.limit;
      return admitted ? null : block('rate_limited', ip.family === 4 ? rate.textV4 : rate.textV6);
    },
    describe(firewall, ip) {
      if (firewall.rate.limit === 0) return 'off';
      return `${usedRate(firewall, ip)} of ${firewall.rate.limit} in the window`;
    },
  },
];

const ALLOW: FirewallVerdict = { kind: 'allow' };

/**
 * Decides about a connection by the real client's address. The data path counts, Explain peeks; both run the same steps.
 * An address in allowed_cidrs is let in before it is counted.
 */
export function evaluateFirewall(firewall: Firewall, ip: IpAddress, mode: FirewallMode): FirewallVerdict {
  for (const step of STEPS) {
    const verdict = step.decide(firewall, ip, mode);
    if (verdict !== null) return verdict;
  }
  return ALLOW;
}

/** What evaluateFirewall would answer, with each step that it takes to get there. Counts nothing. */
export function traceFirewall(firewall: Firewall, ip: IpAddress): FirewallTrace {
  const steps: FirewallTraceStep[] = [];
  for (const step of STEPS) {
    const verdict = step.decide(firewall, ip, 'peek');
    const detail = step.describe(firewall, ip);
    if (verdict === null) {
      steps.push({ step: step.name, matched: false, detail });
      continue;
    }
    const rule = verdict.rule === undefined ? {} : { rule: verdict.rule };
    steps.push({ step: step.name, matched: true, detail, ...rule });
    return { verdict, steps };
  }
  return { verdict: ALLOW, steps };
}

function block(reason: FirewallReason, rule: string | null): FirewallVerdict | null {
  return rule === null ? null : { kind: 'block', reason, rule };
}
