/** What the proxy and the engine use of the firewall. */
export {
  evaluateFirewall,
  traceFirewall,
  type FirewallMode,
  type FirewallReason,
  type FirewallTrace,
  type FirewallTraceStep,
  type FirewallVerdict,
} from './evaluate.ts';
export {
  addFirewallRule,
  compileFirewall,
  firewallSizes,
  FirewallRuleError,
  removeFirewallRule,
  setRateLimit,
  type Firewall,
} from './firewall.ts';
export { loadGeoipDatabase, type GeoipLoad } from './geoip-load.ts';
export { watchGeoip, type GeoipWatcher, type LoadedGeoip } from './geoip-watch.ts';
export { createGeoip, type Geoip } from './geoip.ts';
export { createRateLimiter, createRateTable, type RateLimiter, type RateLimiterStats } from './rate-limiter.ts';
export {
  listFirewallRules,
  parseFirewallRule,
  type FirewallRule,
  type FirewallRuleKind,
  type FirewallRuleParse,
  type FirewallRules,
} from './rules.ts';
