import { z } from 'zod';
import { parseFirewallRule, type FirewallRule, type FirewallRuleKind } from '../../firewall/index.ts';
import { DEFAULT_HEALTH } from '../../proxy/health/defaults.ts';
import type { RouteSpec } from '../../proxy/model.ts';
import {
  parseHeaderName,
  parseRateLimit,
  parseRoute,
  parseUserAgent,
  type RateLimitSettings,
} from '../config/index.ts';
import type { StoredPolicy } from './store.ts';

/** A row that was read back, or why it is not used: rows are judged like any other input, whoever edited the file. */
export type RowParse<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

export interface RouteRow {
  readonly listener: string;
  readonly hostname: string;
  readonly spec: string;
}

export interface RuleRow {
  readonly kind: string;
  readonly value: string;
}

export interface RateLimitRow {
  readonly max_connections: number;
  readonly window_ms: number;
}

export interface PolicyRow {
  readonly listener: string;
  readonly hostname: string;
  readonly kind: string;
  readonly value: string;
}

/** RouteSpec as it stands in the column `spec`; keys of a newer version are left out. */
const specShape = z.object({
  hostname: z.string(),
  backends: z.array(z.string()),
  mode: z.string(),
  sendProxyProtocol: z.boolean(),
  tlsCert: z.string(),
  tlsKey: z.string(),
  backendTls: z.boolean(),
  backendVerify: z.string(),
  backendCa: z.string(),
  backendServerName: z.string(),
  backendProtocol: z.string(),
  clientCa: z.string(),
  forwardedHeaders: z.string(),
  /** Rows of versions without health checks have none. */
  health: z
    .object({
      check: z.string(),
      intervalMs: z.number(),
      timeoutMs: z.number(),
      path: z.string(),
      host: z.string(),
      fall: z.number(),
      rise: z.number(),
    })
    .default(DEFAULT_HEALTH),
  policies: z.object({ blockUserAgents: z.array(z.string()), requireHeaders: z.array(z.string()) }),
});

export function formatSpec(spec: RouteSpec): string {
  return JSON.stringify(spec);
}

export function parseRouteRow(row: RouteRow): RowParse<RouteSpec> {
  const shape = specShape.safeParse(parseJson(row.spec));
  if (!shape.success) {
    const [issue] = shape.error.issues;
    return { ok: false, reason: `${issue?.path.join('.') || 'spec'}: ${issue?.message ?? 'malformed'}` };
  }
  const { policies, ...rest } = shape.data;
  const parsed = parseRoute({ ...rest, ...policies });
  if (parsed.kind === 'invalid') return { ok: false, reason: parsed.problems.map(({ message }) => message).join('; ') };
  if (parsed.spec.hostname !== row.hostname) {
    return { ok: false, reason: `its spec is of ${parsed.spec.hostname}` };
  }
  return { ok: true, value: parsed.spec };
}

const RULE_KINDS: readonly FirewallRuleKind[] = ['blocked_ip', 'blocked_cidr', 'blocked_country', 'allowed_cidr'];

export function parseRuleRow(row: RuleRow): RowParse<FirewallRule> {
  const kind = RULE_KINDS.find((candidate) => candidate === row.kind);
  if (kind === undefined) return { ok: false, reason: `"${row.kind}" is no kind of rule` };
  const parsed = parseFirewallRule(kind, row.value);
  if (parsed.kind === 'invalid') return { ok: false, reason: parsed.reason };
  if (parsed.rule.value !== row.value) return { ok: false, reason: `it is written ${parsed.rule.value}` };
  return { ok: true, value: parsed.rule };
}

export function parseRateLimitRow(row: RateLimitRow): RowParse<RateLimitSettings> {
  return parseRateLimit({ limit: row.max_connections, windowMs: row.window_ms });
}

export function parsePolicyRow(row: PolicyRow): RowParse<StoredPolicy> {
  const { listener, hostname, kind } = row;
  if (kind !== 'block_user_agent' && kind !== 'require_header') {
    return { ok: false, reason: `"${kind}" is no kind of policy` };
  }
  const parsed = kind === 'block_user_agent' ? parseUserAgent(row.value) : parseHeaderName(row.value);
  return parsed.ok ? { ok: true, value: { listener, hostname, kind, value: parsed.value } } : parsed;
}

/** SQLite checked the syntax when the row was written (`json_valid`); a file edited behind its back may hold anything. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
