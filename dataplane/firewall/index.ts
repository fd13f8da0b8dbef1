/** What the proxy and the engine use of the firewall. */
export { evaluateFirewall, traceFirewall } from './evaluate.ts';
export {
  addFirewallRule,
  compileFirewall,
  firewallSizes,
  removeFirewallRule,
  setRateLimit,
  type Firewall,
} from './firewall.ts';
export type { GeoipLoad } from './geoip-load.ts';
export { watchGeoip, type GeoipWatcher } from './geoip-watch.ts';
export { createGeoip } from './geoip.ts';
export { createRateLimiter, createRateTable, type RateLimiter } from './rate-limiter.ts';
export { parseFirewallRule, type FirewallRule, type FirewallRuleKind, type FirewallRules } from './rules.ts';
