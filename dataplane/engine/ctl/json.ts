import type {
  Certificate,
  Connection,
  Firewall,
  FirewallRule,
  ListedRoute,
  Policy,
  RateLimit,
} from '../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { origins, policyKinds, routeModes, ruleKinds, wordOf } from '../admin/words.ts';

/** What `--json` shows: the fields of the contract in its own snake_case, enumerations as words, times as RFC 3339. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** A message without enumerations or maps. Unset fields are null. */
export function messageJson(message: object): { readonly [name: string]: Json } {
  return Object.fromEntries(Object.entries(message).map(([name, value]) => [snakeCase(name), valueJson(value)]));
}

/** The route's own fields beside its listener's, so that `.[].hostname` reads them. */
export function routeJson({ listener, route }: ListedRoute): Json {
  if (route === undefined) return { listener };
  const words = { mode: wordOf(routeModes, route.mode), origin: wordOf(origins, route.origin) };
  return { listener, ...messageJson({ ...route, ...words }) };
}

export function ruleJson(rule: FirewallRule): Json {
  return { kind: wordOf(ruleKinds, rule.kind), value: rule.value, origin: wordOf(origins, rule.origin) };
}

export function rateLimitJson(limit: RateLimit): Json {
  return messageJson({ ...limit, origin: wordOf(origins, limit.origin) });
}

export function firewallJson({ rules, rateLimit, geoip }: Firewall): Json {
  return {
    rules: rules.map(ruleJson),
    rate_limit: rateLimit ? rateLimitJson(rateLimit) : null,
    geoip: geoip ? messageJson(geoip) : null,
  };
}

export function policyJson(policy: Policy): Json {
  const words = { kind: wordOf(policyKinds, policy.kind), origin: wordOf(origins, policy.origin) };
  return messageJson({ ...policy, ...words });
}

export function connectionJson(connection: Connection): Json {
  return messageJson({ ...connection, mode: wordOf(routeModes, connection.mode) });
}

export function certificateJson(certificate: Certificate): Json {
  const { notAfter, daysLeft } = certificate;
  return messageJson({ ...certificate, daysLeft: notAfter ? Math.round(daysLeft * 100) / 100 : null });
}

/** One line of pure ASCII: a stream of objects that any line-wise reader takes, and that no terminal interprets. */
export function jsonLine(value: Json): string {
  const text = JSON.stringify(value);
  return `${text.replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function valueJson(value: unknown): Json {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(valueJson);
  if (typeof value === 'object') return messageJson(value);
  throw new TypeError(`a ${typeof value} in a message`);
}
