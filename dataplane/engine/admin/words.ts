import { FirewallRuleKind, Origin, PolicyKind, RouteMode } from '../../../proto/gen/mcproxy/v1/mcproxy.ts';

/** The words that configuration file, command line and JSON have for the enumerations of the contract. */
export const routeModes = { l4: RouteMode.L4, l7: RouteMode.L7 } as const;
export const origins = { config: Origin.CONFIG, api: Origin.API } as const;
export const ruleKinds = {
  blocked_ip: FirewallRuleKind.BLOCKED_IP,
  blocked_cidr: FirewallRuleKind.BLOCKED_CIDR,
  blocked_country: FirewallRuleKind.BLOCKED_COUNTRY,
  allowed_cidr: FirewallRuleKind.ALLOWED_CIDR,
} as const;
export const policyKinds = {
  block_user_agent: PolicyKind.BLOCK_USER_AGENT,
  require_header: PolicyKind.REQUIRE_HEADER,
} as const;

/** The word of an enumeration's value; null for unspecified and for values of a newer contract. */
export function wordOf<Word extends string>(words: Readonly<Record<Word, number>>, value: number): Word | null {
  for (const [word, number] of Object.entries<number>(words)) if (number === value) return word as Word;
  return null;
}
