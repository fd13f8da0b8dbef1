import type { SnapshotChange } from '../../proxy/model.ts';
import type { Certificates, PreparedMaterial, RouteKey } from '../certificates/index.ts';
import type { ApiChange, StoredPolicy } from '../store/index.ts';
import type { Plan } from './change.ts';
import {
  apiPoliciesOf,
  baseOf,
  dropApiPolicies,
  dropApiRoute,
  putApiPolicy,
  putApiRoute,
  rateLimit,
  type Desired,
} from './desired.ts';
import { routeId, ruleId } from './keys.ts';
import { serve, trackBase } from './routes.ts';

/**
 * Brings the desired state in memory up to date with changes that are on disk, and compiles what workers are told: each route
 * once, however many changes concern it. Doing it twice does no harm. Never fails: a certificate that can't be used shows in
 * `status`, as at a start.
 * @param prepared by route id: files that were read while the changes were judged
 */
export function applyApiChanges(
  desired: Desired,
  certificates: Certificates,
  changes: readonly ApiChange[],
  prepared: ReadonlyMap<string, PreparedMaterial> = new Map(),
): SnapshotChange[] {
  const replaced = new Map<string, RouteKey>();
  const touched = new Map<string, RouteKey>();
  const others: SnapshotChange[] = [];
  for (const change of changes) {
    switch (change.kind) {
      case 'route_put':
      case 'route_remove': {
        const { listener } = change;
        const key = { listener, hostname: change.kind === 'route_put' ? change.spec.hostname : change.hostname };
        if (change.kind === 'route_put') putApiRoute(desired, listener, change.spec);
        else dropApiRoute(desired, key);
        replaced.set(routeId(key), key);
        break;
      }
      case 'policy_put':
      case 'policy_remove': {
        const { listener, hostname } = change.policy;
        dropApiPolicies(desired, change.policy, apiPoliciesOf(desired, change.policy).filter(same(change.policy)));
        if (change.kind === 'policy_put') putApiPolicy(desired, change.policy);
        touched.set(routeId(change.policy), { listener, hostname });
        break;
      }
      case 'rule_put':
      case 'rule_remove':
        others.push(...changeRule(desired, change));
        break;
      case 'rate_limit_put':
      case 'rate_limit_remove':
        desired.apiRateLimit = change.kind === 'rate_limit_put' ? change.rateLimit : null;
        others.push({ kind: 'rate_limit', ...rateLimit(desired) });
        break;
      default:
        change satisfies never;
    }
  }
  for (const [id, key] of replaced) {
    const base = baseOf(desired, key);
    const ready = prepared.get(id);
    if (base?.spec.mode === 'l7' && ready) certificates.track(key, base.spec, ready);
    else trackBase(desired, certificates, key);
  }
  const routes = new Map([...touched, ...replaced]);
  return [...[...routes.values()].flatMap((key) => serve(desired, key, certificates)), ...others];
}

/** The part of a plan that is the same changes twice: for the disk, and for memory. */
export function carryingOut(
  desired: Desired,
  certificates: Certificates,
  changes: readonly ApiChange[],
  prepared?: ReadonlyMap<string, PreparedMaterial>,
): Pick<Plan<unknown>, 'rows' | 'compile'> {
  return { rows: changes, compile: () => applyApiChanges(desired, certificates, changes, prepared) };
}

/** Workers know each rule once, whoever has it. */
function changeRule(
  desired: Desired,
  { kind, rule }: Extract<ApiChange, { kind: 'rule_put' | 'rule_remove' }>,
): SnapshotChange[] {
  const id = ruleId(rule);
  const wasThere = desired.apiRules.has(id);
  if (kind === 'rule_put') desired.apiRules.set(id, rule);
  else desired.apiRules.delete(id);
  if (desired.configuredRules.has(id) || wasThere === (kind === 'rule_put')) return [];
  return [{ kind: 'firewall_rule', op: kind === 'rule_put' ? 'add' : 'remove', rule }];
}

function same({ kind, value }: StoredPolicy): (other: StoredPolicy) => boolean {
  return (other) => other.kind === kind && other.value === value;
}
