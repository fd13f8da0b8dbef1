import type { FirewallRule } from '../../firewall/index.ts';
import type { ListenerSpec, Origin, ProxySnapshot, RouteSpec } from '../../proxy/model.ts';
import type { Certificates, RouteKey } from '../certificates/index.ts';
import type { RateLimitSettings } from '../config/index.ts';
import { proxyErrors } from '../errors.ts';
import { baseOf, firewallRules, rateLimit, type Desired } from './desired.ts';

export interface ListenerView {
  readonly spec: ListenerSpec;
  /** Routes that it serves. */
  readonly routes: number;
}

export interface RouteView {
  readonly listener: string;
  /** As it was given, without the policies that AddPolicy put beside it. */
  readonly spec: RouteSpec;
  readonly origin: Origin;
  /** The file names the same host on this listener, and this route of the API wins over it. */
  readonly shadowsConfig: boolean;
}

export interface FirewallView {
  readonly rules: readonly { readonly rule: FirewallRule; readonly origin: Origin }[];
  readonly rateLimit: RateLimitSettings;
  readonly rateLimitOrigin: Origin;
  readonly ratePrefixV4: number;
  readonly ratePrefixV6: number;
}

/** All that a worker needs. Cost grows with the number of routes: for workers that start, never for a change. */
export function buildSnapshot(
  desired: Desired,
  observed: Pick<ProxySnapshot, 'geoip' | 'backendsDown'>,
): ProxySnapshot {
  return {
    generation: desired.generation,
    listeners: [...desired.listeners.values()].map(({ spec, routes }) => ({ ...spec, routes: [...routes.values()] })),
    firewall: firewallRules(desired),
    ...observed,
    settings: desired.configured.settings,
  };
}

export function listenerViews(desired: Desired): ListenerView[] {
  return [...desired.listeners.values()].map(({ spec, routes }) => ({ spec, routes: routes.size }));
}

export function routeView(desired: Desired, key: RouteKey): RouteView {
  const base = baseOf(desired, key);
  if (!base) throw proxyErrors.error('route_not_found', `the listener ${key.listener} has no route ${key.hostname}`);
  return { listener: key.listener, ...base };
}

/** @param listeners names of configured listeners */
export function routeViews(desired: Desired, listeners: readonly string[]): RouteView[] {
  return listeners.flatMap((listener) =>
    [...(desired.listeners.get(listener)?.routes.keys() ?? [])].map((hostname) =>
      routeView(desired, { listener, hostname }),
    ),
  );
}

export function firewallView(desired: Desired): FirewallView {
  const configured = [...desired.configuredRules.values()].map(({ rule }) => ({ rule, origin: 'config' as const }));
  const added = [...desired.apiRules]
    .filter(([id]) => !desired.configuredRules.has(id))
    .map(([, rule]) => ({ rule, origin: 'api' as const }));
  return {
    rules: [...configured, ...added],
    rateLimit: rateLimit(desired),
    rateLimitOrigin: desired.apiRateLimit ? 'api' : 'config',
    ratePrefixV4: desired.configured.ratePrefixV4,
    ratePrefixV6: desired.configured.ratePrefixV6,
  };
}

/** Of one kind of warning, how many are spelled out. */
const MAX_NAMED = 20;

/** Sentences for `status`: what is desired but not served, or served but not as one reads it in the file. */
export function stateWarnings(desired: Desired, certificates: Certificates): string[] {
  const shadows: string[] = [];
  const unserved: string[] = [];
  const dormant: string[] = [];
  for (const [listener, routes] of desired.apiRoutes) {
    const configured = desired.listeners.get(listener)?.configured;
    if (!configured) {
      unserved.push(
        `the API's routes of ${listener} (${routes.size}) are not served: the configuration file has no such listener`,
      );
      continue;
    }
    for (const hostname of routes.keys()) {
      const shadowed = configured.get(hostname);
      if (!shadowed) continue;
      const place = desired.configured.place(shadowed.path);
      shadows.push(`route ${hostname} on ${listener}: the one of the API is served, not the one at ${place}`);
    }
  }
  for (const policies of desired.apiPolicies.values()) {
    const [first] = policies;
    if (!first || baseOf(desired, first)?.spec.mode === 'l7') continue;
    const { listener, hostname } = first;
    dormant.push(
      `the API's policies of ${hostname} on ${listener} (${policies.length}) have no effect: there is no such l7 route`,
    );
  }
  return [unserved, shadows, dormant, certificates.warnings()].flatMap(shorten);
}

function shorten(sentences: readonly string[]): string[] {
  if (sentences.length <= MAX_NAMED) return [...sentences];
  return [...sentences.slice(0, MAX_NAMED), `… and ${sentences.length - MAX_NAMED} more of this kind`];
}
