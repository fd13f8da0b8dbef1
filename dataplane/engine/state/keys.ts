import type { RouteKey } from '../certificates/index.ts';
import type { FirewallRule } from '../../firewall/index.ts';

/** Listener names and host names hold no line end. */
export function routeId(key: RouteKey): string {
  return `${key.listener}\n${key.hostname}`;
}

export function ruleId(rule: FirewallRule): string {
  return `${rule.kind} ${rule.value}`;
}
