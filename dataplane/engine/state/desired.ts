import type { Certificates, RouteKey } from '../certificates/index.ts';
import type { ConfiguredRoute, ConfiguredRule, ConfiguredState, RateLimitSettings } from '../config/index.ts';
import type { FirewallRule, FirewallRules } from '../../firewall/index.ts';
import type { ListenerSpec, Origin, Policies, Route, RouteSpec } from '../../proxy/model.ts';
import type { StoredPolicy, StoredState } from '../store/index.ts';
import { routeId, ruleId } from './keys.ts';

export interface DesiredListener {
  readonly spec: ListenerSpec;
  readonly configured: ReadonlyMap<string, ConfiguredRoute>;
  /** What is served, by host name. */
  readonly routes: Map<string, Route>;
}

/**
 * The desired state in memory: what the file says, what the API added, and the routes that follow from both. Written only
 * inside a change (change.ts). Every operation on one route costs the same at 10 and at 100,000 routes.
 */
export interface Desired {
  generation: number;
  configured: ConfiguredState;
  readonly listeners: Map<string, DesiredListener>;
  readonly configuredRules: Map<string, ConfiguredRule>;
  /** Routes of the API by listener, those of listeners that the file no longer has included. */
  readonly apiRoutes: Map<string, Map<string, RouteSpec>>;
  readonly apiRules: Map<string, FirewallRule>;
  /** By route. */
  readonly apiPolicies: Map<string, readonly StoredPolicy[]>;
  apiRateLimit: RateLimitSettings | null;
}

/** What a route is made of before policies of the API and certificates come to it; the API's wins over the file's (PX-16). */
export interface RouteBase {
  readonly spec: RouteSpec;
  readonly origin: Origin;
  readonly shadowsConfig: boolean;
}

export function createDesired(configured: ConfiguredState, stored: StoredState): Desired {
  const desired: Desired = {
    generation: stored.generation,
    configured,
    listeners: new Map(),
    configuredRules: new Map(),
    apiRoutes: new Map(),
    apiRules: new Map(stored.rules.map((rule) => [ruleId(rule), rule])),
    apiPolicies: new Map(),
    apiRateLimit: stored.rateLimit,
  };
  for (const { listener, spec } of stored.routes) putApiRoute(desired, listener, spec);
  for (const policy of stored.policies) putApiPolicy(desired, policy);
  takeConfigured(desired, configured);
  return desired;
}

/** Replaces the file's part. Routes that are served stay as they are until they are compiled anew. */
export function takeConfigured(desired: Desired, configured: ConfiguredState): void {
  const before = new Map(desired.listeners);
  desired.configured = configured;
  desired.listeners.clear();
  for (const { spec, routes } of configured.listeners) {
    desired.listeners.set(spec.addr, {
      spec,
      configured: new Map(routes.map((route) => [route.spec.hostname, route])),
      routes: before.get(spec.addr)?.routes ?? new Map(),
    });
  }
  desired.configuredRules.clear();
  for (const rule of configured.rules) desired.configuredRules.set(ruleId(rule.rule), rule);
}

export function putApiRoute(desired: Desired, listener: string, spec: RouteSpec): void {
  const routes = desired.apiRoutes.get(listener) ?? new Map<string, RouteSpec>();
  desired.apiRoutes.set(listener, routes.set(spec.hostname, spec));
}

export function dropApiRoute(desired: Desired, { listener, hostname }: RouteKey): void {
  const routes = desired.apiRoutes.get(listener);
  routes?.delete(hostname);
  if (routes?.size === 0) desired.apiRoutes.delete(listener);
}

/** Null: no such route is served. */
export function baseOf(desired: Desired, { listener, hostname }: RouteKey): RouteBase | null {
  const configured = desired.listeners.get(listener)?.configured.get(hostname);
  const api = desired.listeners.has(listener) ? desired.apiRoutes.get(listener)?.get(hostname) : undefined;
  if (api) return { spec: api, origin: 'api', shadowsConfig: configured !== undefined };
  return configured ? { spec: configured.spec, origin: 'config', shadowsConfig: false } : null;
}

/** The route as workers get it: its base, its policies and those of the API, its certificate. */
export function compileRoute(desired: Desired, key: RouteKey, certificates: Certificates): Route | null {
  const base = baseOf(desired, key);
  if (!base) return null;
  const { spec, origin } = base;
  const policies = spec.mode === 'l7' ? withApiPolicies(desired, key, spec.policies) : spec.policies;
  return { ...spec, policies, origin, material: certificates.material(key) };
}

export function apiPoliciesOf(desired: Desired, key: RouteKey): readonly StoredPolicy[] {
  return desired.apiPolicies.get(routeId(key)) ?? [];
}

export function putApiPolicy(desired: Desired, policy: StoredPolicy): void {
  desired.apiPolicies.set(routeId(policy), [...apiPoliciesOf(desired, policy), policy]);
}

export function dropApiPolicies(desired: Desired, key: RouteKey, dropped: readonly StoredPolicy[]): void {
  const kept = apiPoliciesOf(desired, key).filter((policy) => !dropped.includes(policy));
  if (kept.length === 0) desired.apiPolicies.delete(routeId(key));
  else desired.apiPolicies.set(routeId(key), kept);
}

export function firewallRules(desired: Desired): FirewallRules {
  const all = new Map<string, FirewallRule>();
  for (const [id, { rule }] of desired.configuredRules) all.set(id, rule);
  for (const [id, rule] of desired.apiRules) all.set(id, rule);
  const valuesOf = (kind: FirewallRule['kind']): string[] =>
    [...all.values()].filter((rule) => rule.kind === kind).map((rule) => rule.value);
  const { limit, windowMs } = rateLimit(desired);
  return {
    blockedIps: valuesOf('blocked_ip'),
    blockedCidrs: valuesOf('blocked_cidr'),
    blockedCountries: valuesOf('blocked_country'),
    allowedCidrs: valuesOf('allowed_cidr'),
    rateLimit: limit,
    rateWindowMs: windowMs,
    ratePrefixV4: desired.configured.ratePrefixV4,
    ratePrefixV6: desired.configured.ratePrefixV6,
  };
}

export function rateLimit(desired: Desired): RateLimitSettings {
  return desired.apiRateLimit ?? desired.configured.rateLimit;
}

function withApiPolicies(desired: Desired, key: RouteKey, own: Policies): Policies {
  const added = apiPoliciesOf(desired, key);
  if (added.length === 0) return own;
  const valuesOf = (kind: StoredPolicy['kind']): string[] =>
    added.filter((policy) => policy.kind === kind).map((policy) => policy.value);
  return {
    blockUserAgents: [...own.blockUserAgents, ...valuesOf('block_user_agent')],
    requireHeaders: [...own.requireHeaders, ...valuesOf('require_header')],
  };
}
