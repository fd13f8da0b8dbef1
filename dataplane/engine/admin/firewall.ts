import type { GeoipState } from '../../../proto/gen/mcproxy/v1/mcproxy.ts';
import type { AdminDeps, GeoipView, ProxyAdminHandlers } from './deps.ts';
import { rateLimitTo, ruleFrom, ruleTo } from './model.ts';

export function firewallHandlers({
  state,
  geoip,
}: AdminDeps): Pick<ProxyAdminHandlers, 'getFirewall' | 'addFirewallRule' | 'removeFirewallRule' | 'setRateLimit'> {
  return {
    getFirewall() {
      const view = state.firewall();
      return {
        rules: view.rules.map(({ rule, origin }) => ruleTo(rule, origin)),
        rateLimit: rateLimitTo(view),
        geoip: geoipTo(geoip()),
      };
    },
    async addFirewallRule({ rule }) {
      const { kind, value } = ruleFrom(rule);
      const added = await state.addFirewallRule(kind, value);
      return { rule: ruleTo(added.rule, added.origin), changed: added.changed, generation: added.generation };
    },
    async removeFirewallRule({ rule }) {
      const { kind, value } = ruleFrom(rule);
      const { generation } = await state.removeFirewallRule(kind, value);
      return { generation };
    },
    async setRateLimit({ limit, windowMs, reset }) {
      const { rateLimit, origin, generation } = await (reset
        ? state.resetRateLimit()
        : state.setRateLimit(limit, windowMs));
      const { ratePrefixV4, ratePrefixV6 } = state.firewall();
      return {
        rateLimit: rateLimitTo({ rateLimit, rateLimitOrigin: origin, ratePrefixV4, ratePrefixV6 }),
        generation,
      };
    },
  };
}

export function geoipTo({ path, loaded, reloadFailures, lastError }: GeoipView): GeoipState {
  const type = loaded?.type ?? '';
  return { path, loaded: loaded !== null, type, builtAt: loaded?.builtAt, reloadFailures, lastError };
}
