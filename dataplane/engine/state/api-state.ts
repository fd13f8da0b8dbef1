import { isDeepStrictEqual } from 'node:util';
import type { FirewallRule } from '../../firewall/index.ts';
import type { RouteSpec } from '../../proxy/model.ts';
import type { RateLimitSettings } from '../config/index.ts';
import type { ApiChange, StoredPolicy } from '../store/index.ts';
import type { Desired } from './desired.ts';

/** All that the API owns, under the keys of the desired state. */
export interface ApiState {
  /** By listener and host name. */
  readonly routes: ReadonlyMap<string, ReadonlyMap<string, RouteSpec>>;
  readonly rules: ReadonlyMap<string, FirewallRule>;
  /** By route. */
  readonly policies: ReadonlyMap<string, readonly StoredPolicy[]>;
  readonly rateLimit: RateLimitSettings | null;
}

/** A view, not a copy: it changes with the desired state. */
export function apiStateOf(desired: Desired): ApiState {
  return {
    routes: desired.apiRoutes,
    rules: desired.apiRules,
    policies: desired.apiPolicies,
    rateLimit: desired.apiRateLimit,
  };
}

/** What leads from one state to the other: removals first, at most one change an entry. Cost: the size of both. */
export function changesBetween(from: ApiState, to: ApiState): ApiChange[] {
  return [...routeChanges(from, to), ...policyChanges(from, to), ...ruleChanges(from, to), ...limitChanges(from, to)];
}

function* routeChanges(from: ApiState, to: ApiState): Generator<ApiChange> {
  for (const [listener, routes] of from.routes) {
    for (const hostname of routes.keys()) {
      if (!to.routes.get(listener)?.has(hostname)) yield { kind: 'route_remove', listener, hostname };
    }
  }
  for (const [listener, routes] of to.routes) {
    for (const [hostname, spec] of routes) {
      const before = from.routes.get(listener)?.get(hostname);
      if (!before || !isDeepStrictEqual(before, spec)) yield { kind: 'route_put', listener, spec };
    }
  }
}

function* policyChanges(from: ApiState, to: ApiState): Generator<ApiChange> {
  for (const policy of missing(from.policies, to.policies)) yield { kind: 'policy_remove', policy };
  for (const policy of missing(to.policies, from.policies)) yield { kind: 'policy_put', policy };
}

function* missing(these: ApiState['policies'], among: ApiState['policies']): Generator<StoredPolicy> {
  for (const [route, policies] of these) {
    const others = among.get(route) ?? [];
    for (const policy of policies) {
      const { kind, value } = policy;
      if (!others.some((other) => other.kind === kind && other.value === value)) yield policy;
    }
  }
}

function* ruleChanges(from: ApiState, to: ApiState): Generator<ApiChange> {
  for (const [id, rule] of from.rules) if (!to.rules.has(id)) yield { kind: 'rule_remove', rule };
  for (const [id, rule] of to.rules) if (!from.rules.has(id)) yield { kind: 'rule_put', rule };
}

function* limitChanges(from: ApiState, to: ApiState): Generator<ApiChange> {
  if (isDeepStrictEqual(from.rateLimit, to.rateLimit)) return;
  yield to.rateLimit ? { kind: 'rate_limit_put', rateLimit: to.rateLimit } : { kind: 'rate_limit_remove' };
}
