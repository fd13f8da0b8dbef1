import { isDeepStrictEqual } from 'node:util';
import { formatDuration } from '../../../../mcdsl/config/units.ts';
import type { RouteSpec } from '../../../proxy/model.ts';
import { healthKeys, type RateLimitSettings } from '../../config/index.ts';
import type { NewEvent } from '../../events/index.ts';
import type { ApiChange } from '../../store/index.ts';
import type { Desired } from '../desired.ts';
import { ruleId } from '../keys.ts';

/** A change as an operator reads it. */
export interface Difference {
  readonly change: 'added' | 'removed' | 'changed';
  readonly kind: 'route' | 'policy' | 'firewall_rule' | 'rate_limit';
  /** Of a route or policy; else empty. */
  readonly listener: string;
  /** The host name of a route or policy, the kind and value of a rule. */
  readonly name: string;
  readonly detail: string;
}

/** Says what a change will do; `desired` is as it is before. */
export function differenceOf(desired: Desired, change: ApiChange): Difference {
  switch (change.kind) {
    case 'route_put': {
      const { listener, spec } = change;
      const before = desired.apiRoutes.get(listener)?.get(spec.hostname);
      const route = { kind: 'route', listener, name: spec.hostname } as const;
      if (before) return { ...route, change: 'changed', detail: specDifference(before, spec) };
      const hides = hasFile(desired, listener, spec.hostname) ? ", in place of the configuration file's" : '';
      return { ...route, change: 'added', detail: `${spec.mode} to ${spec.backends.join(', ')}${hides}` };
    }
    case 'route_remove': {
      const { listener, hostname } = change;
      const shows = hasFile(desired, listener, hostname) ? 'the one of the configuration file is served again' : '';
      return { change: 'removed', kind: 'route', listener, name: hostname, detail: shows };
    }
    case 'policy_put':
    case 'policy_remove': {
      const { listener, hostname, kind, value } = change.policy;
      const detail = `${kind} ${JSON.stringify(value)}`;
      return { change: isPut(change.kind), kind: 'policy', listener, name: hostname, detail };
    }
    case 'rule_put':
    case 'rule_remove': {
      const id = ruleId(change.rule);
      const detail = desired.configuredRules.has(id) ? 'the configuration file has it too' : '';
      return { change: isPut(change.kind), kind: 'firewall_rule', listener: '', name: id, detail };
    }
    case 'rate_limit_put': {
      const before = desired.apiRateLimit;
      const after = limitText(change.rateLimit);
      const detail = before ? `${limitText(before)} → ${after}` : after;
      return { change: before ? 'changed' : 'added', kind: 'rate_limit', listener: '', name: '', detail };
    }
    case 'rate_limit_remove': {
      const detail = `${limitText(desired.configured.rateLimit)} of the configuration file is in force again`;
      return { change: 'removed', kind: 'rate_limit', listener: '', name: '', detail };
    }
    default:
      return change satisfies never;
  }
}

const EVENT_KINDS = { route: 'route', policy: 'policy', firewall_rule: 'firewall', rate_limit: 'firewall' } as const;

export function eventOf({ change, kind, listener, name, detail }: Difference, by: string): NewEvent {
  const text = detail === '' ? `${change} ${by}` : `${change} ${by}: ${detail}`;
  const event = { kind: EVENT_KINDS[kind], detail: text };
  if (EVENT_KINDS[kind] === 'firewall') return { ...event, rule: name === '' ? kind : name };
  return { ...event, listener, route: name };
}

function isPut(kind: `${string}_put` | `${string}_remove`): 'added' | 'removed' {
  return kind.endsWith('_put') ? 'added' : 'removed';
}

function hasFile(desired: Desired, listener: string, hostname: string): boolean {
  return desired.listeners.get(listener)?.configured.has(hostname) ?? false;
}

/** `backends ["a:1"] → ["b:1"], mode "l4" → "l7"`, with the keys of the file. */
function specDifference(before: RouteSpec, after: RouteSpec): string {
  const [was, is] = [keysOf(before), keysOf(after)];
  return [...new Set([...Object.keys(was), ...Object.keys(is)])]
    .filter((key) => !isDeepStrictEqual(was[key], is[key]))
    .map((key) => `${key} ${shown(was[key])} → ${shown(is[key])}`)
    .join(', ');
}

function keysOf({ policies, health, ...spec }: RouteSpec): Record<string, unknown> {
  const keys = Object.entries({ ...spec, ...policies });
  const spelled = keys.map(([key, value]) => [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]);
  return { ...Object.fromEntries(spelled), ...healthKeys(health) };
}

/** A key that is left out has its default. */
function shown(value: unknown): string {
  return value === undefined ? 'default' : JSON.stringify(value);
}

function limitText({ limit, windowMs }: RateLimitSettings): string {
  return limit === 0 ? 'no limit' : `${limit} connections in ${formatDuration(windowMs)}`;
}
