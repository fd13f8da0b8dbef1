import type { Origin, RouteSpec } from '../../proxy/model.ts';
import type { Certificates, RouteKey } from '../certificates/index.ts';
import { parseHeaderName, parseRouteHostname, parseUserAgent, whyNoHostname } from '../config/index.ts';
import { proxyErrors } from '../errors.ts';
import type { PolicyKind, StoredPolicy } from '../store/index.ts';
import { carryingOut } from './api-changes.ts';
import type { Validated } from './change.ts';
import { apiPoliciesOf, baseOf, type Desired } from './desired.ts';
import { resolveLeftListener, resolveListener } from './listeners.ts';

/** A policy as somebody names it; `listener` may be empty where there is one only. */
export interface PolicyInput {
  readonly listener: string;
  readonly hostname: string;
  readonly kind: PolicyKind;
  readonly value: string;
}

export interface PolicyView extends StoredPolicy {
  readonly origin: Origin;
}

export interface AddPolicyResult {
  readonly policy: PolicyView;
  readonly changed: boolean;
  readonly generation: number;
}

export interface RemovePolicyResult {
  readonly generation: number;
}

const MAX_API_POLICIES = 1_000;

/** Adds a policy to an l7 route of either origin; it stays apart from the route, so a reload of the file keeps it. */
export function addPolicy(
  desired: Desired,
  certificates: Certificates,
  input: PolicyInput,
): Validated<AddPolicyResult> {
  const policy = checkPolicy(input, resolveListener(desired, input.listener));
  const base = baseOf(desired, policy);
  if (!base) throw notFound(policy);
  if (base.spec.mode === 'l4') {
    const message = `the route ${policy.hostname} on ${policy.listener} is l4: its requests are encrypted and can't be judged; make it l7`;
    throw proxyErrors.error('policy_needs_l7', message);
  }
  const answer = (changed: boolean, origin: Origin): AddPolicyResult => ({
    policy: { ...policy, origin },
    changed,
    generation: desired.generation,
  });
  if (has(ownValues(base.spec, policy.kind), policy.value)) return { kind: 'none', answer: answer(false, base.origin) };
  const added = apiPoliciesOf(desired, policy);
  if (find(added, policy)) return { kind: 'none', answer: answer(false, 'api') };
  if (added.length >= MAX_API_POLICIES) {
    throw proxyErrors.error('too_large', `the route has ${MAX_API_POLICIES} policies already; remove some first`);
  }
  return {
    kind: 'plan',
    ...carryingOut(desired, certificates, [{ kind: 'policy_put', policy }]),
    events: [policyEvent(policy, 'added by the API')],
    answer: () => answer(true, 'api'),
  };
}

export function removePolicy(
  desired: Desired,
  certificates: Certificates,
  input: PolicyInput,
): Validated<RemovePolicyResult> {
  const policy = checkPolicy(input, resolveLeftListener(desired, input.listener));
  const stored = find(apiPoliciesOf(desired, policy), policy);
  if (!stored) throw whyNotRemovable(desired, policy);
  return {
    kind: 'plan',
    ...carryingOut(desired, certificates, [{ kind: 'policy_remove', policy: stored }]),
    events: [policyEvent(stored, 'removed by the API')],
    answer: () => ({ generation: desired.generation }),
  };
}

/** All policies that hold for a route, those of the route itself first. */
export function policiesOfRoute(desired: Desired, key: RouteKey): PolicyView[] {
  const base = baseOf(desired, key);
  const { listener, hostname } = key;
  const kinds = ['block_user_agent', 'require_header'] as const;
  const own = kinds.flatMap((kind) => {
    if (!base) return [];
    return ownValues(base.spec, kind).map((value) => ({ listener, hostname, kind, value, origin: base.origin }));
  });
  return [...own, ...apiPoliciesOf(desired, key).map((policy): PolicyView => ({ ...policy, origin: 'api' }))];
}

function checkPolicy(input: PolicyInput, listener: string): StoredPolicy {
  const hostname = parseRouteHostname(input.hostname);
  if (hostname === null)
    throw proxyErrors.error('policy_invalid', whyNoHostname(input.hostname), { field: 'hostname' });
  const parsed = input.kind === 'block_user_agent' ? parseUserAgent(input.value) : parseHeaderName(input.value);
  if (!parsed.ok) throw proxyErrors.error('policy_invalid', parsed.reason, { field: 'value' });
  return { listener, hostname, kind: input.kind, value: parsed.value };
}

function whyNotRemovable(desired: Desired, policy: StoredPolicy): Error {
  const { listener, hostname, kind, value } = policy;
  const base = baseOf(desired, policy);
  const shown = `${kind} ${JSON.stringify(value)}`;
  if (!base) return notFound(policy);
  if (!has(ownValues(base.spec, kind), value)) {
    return proxyErrors.error('policy_not_found', `the route ${hostname} on ${listener} has no policy ${shown}`);
  }
  if (base.origin === 'api') {
    const message = `${shown} is part of the route ${hostname} on ${listener}; add the route again without it`;
    return proxyErrors.error('policy_of_route', message);
  }
  const path = desired.listeners.get(listener)?.configured.get(hostname)?.path ?? [];
  const place = desired.configured.place([...path, 'policies']);
  const message = `${shown} comes from the configuration file; remove it at ${place} and reload (SIGHUP)`;
  return proxyErrors.error('policy_is_configured', message, { place });
}

function notFound({ listener, hostname }: RouteKey): Error {
  return proxyErrors.error('route_not_found', `the listener ${listener} has no route ${hostname}`);
}

function ownValues(spec: RouteSpec, kind: PolicyKind): readonly string[] {
  return kind === 'block_user_agent' ? spec.policies.blockUserAgents : spec.policies.requireHeaders;
}

/** As the data path compares: without regard to case. */
function has(values: readonly string[], value: string): boolean {
  return values.some((other) => other.toLowerCase() === value.toLowerCase());
}

function find(policies: readonly StoredPolicy[], { kind, value }: StoredPolicy): StoredPolicy | undefined {
  return policies.find((policy) => policy.kind === kind && has([policy.value], value));
}

function policyEvent({ listener, hostname, kind, value }: StoredPolicy, detail: string) {
  return { kind: 'policy', listener, route: hostname, rule: `${kind} ${value}`, detail };
}
