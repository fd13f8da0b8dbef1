import { accessSync, constants } from 'node:fs';
import type { Reporter } from '../../../mcdsl/config/index.ts';
import { parseFirewallRule, type FirewallRuleKind } from '../../firewall/index.ts';
import { formatCidr, parseCidr } from '../../net/cidr.ts';
import type { ProxyConfig } from './schema.ts';

/** The lists of `[firewall]` and the kind of rule that their entries are. */
export const FIREWALL_LISTS = {
  blocked_ips: 'blocked_ip',
  blocked_cidrs: 'blocked_cidr',
  blocked_countries: 'blocked_country',
  allowed_cidrs: 'allowed_cidr',
} as const satisfies Record<string, FirewallRuleKind>;

export type FirewallList = keyof typeof FIREWALL_LISTS;

export function firewallLists(): [FirewallList, FirewallRuleKind][] {
  return Object.entries(FIREWALL_LISTS) as [FirewallList, FirewallRuleKind][];
}

export function checkFirewall(config: ProxyConfig, report: Reporter): void {
  for (const [list, kind] of firewallLists()) {
    config.firewall[list].forEach((text, index) => {
      const parsed = parseFirewallRule(kind, text);
      if (parsed.kind === 'invalid') report(['firewall', list, index], parsed.reason, correctionOf(text));
    });
  }
  checkGeoip(config, report);
}

/** The network that was probably meant, where host bits are set or the prefix length is missing. */
export function correctionOf(text: string): { suggestion?: string } {
  const parsed = parseCidr(text);
  return parsed.kind === 'host_bits' ? { suggestion: JSON.stringify(formatCidr(parsed.corrected)) } : {};
}

/** Warnings only: a database that is missing or broken must not take ingress down. */
function checkGeoip(config: ProxyConfig, report: Reporter): void {
  const { geoip_db: path, blocked_countries: countries } = config.firewall;
  const severity = 'warning';
  if (path === '') {
    if (countries.length === 0) return;
    report(['firewall', 'blocked_countries'], 'blocked_countries has no effect without geoip_db', { severity });
    return;
  }
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const effect = countries.length > 0 ? '; no country is blocked until it can be read' : '';
    report(['firewall', 'geoip_db'], `${path} cannot be read (${code})${effect}`, { severity });
  }
}
