import { z } from 'zod';
import { parseJson, parsePolicyRow, parseRateLimitRow, parseRouteRow, parseRuleRow, type RowParse } from './rows.ts';
import type { ApiChange, StoredRevert } from './store.ts';

export interface RevertRow {
  readonly generation: number;
  readonly deadline: number;
  readonly within_ms: number;
  readonly undo: string;
}

const key = z.object({ listener: z.string(), hostname: z.string() });
const rule = z.object({ kind: z.string(), value: z.string() });
const policy = key.extend(rule.shape);

/** The column `undo`: what a row holds is judged by the parsers of the rows that it becomes. */
const undoShape = z.array(
  z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('route_put'), listener: z.string(), spec: z.looseObject({ hostname: z.string() }) }),
    key.extend({ kind: z.literal('route_remove') }),
    z.object({ kind: z.enum(['rule_put', 'rule_remove']), rule }),
    z.object({
      kind: z.literal('rate_limit_put'),
      rateLimit: z.object({ limit: z.number(), windowMs: z.number() }),
    }),
    z.object({ kind: z.literal('rate_limit_remove') }),
    z.object({ kind: z.enum(['policy_put', 'policy_remove']), policy }),
  ]),
);

export function formatUndo(undo: readonly ApiChange[]): string {
  return JSON.stringify(undo);
}

/** @param skipped told of each change that doesn't validate; the others bring back what they can */
export function parseRevertRow(row: RevertRow, skipped: (reason: string) => void): RowParse<StoredRevert> {
  const shape = undoShape.safeParse(parseJson(row.undo));
  if (!shape.success) return { ok: false, reason: z.prettifyError(shape.error) };
  const undo = shape.data.flatMap((change) => {
    const parsed = parseChange(change);
    if (parsed.ok) return [parsed.value];
    skipped(parsed.reason);
    return [];
  });
  const { generation, deadline, within_ms: withinMs } = row;
  return { ok: true, value: { generation, deadlineMs: deadline, withinMs, undo } };
}

function parseChange(change: z.output<typeof undoShape>[number]): RowParse<ApiChange> {
  switch (change.kind) {
    case 'route_put': {
      const { listener, spec } = change;
      const row = { listener, hostname: spec.hostname, spec: JSON.stringify(spec) };
      return map(parseRouteRow(row), (value) => ({ kind: 'route_put', listener, spec: value }));
    }
    case 'route_remove':
    case 'rate_limit_remove':
      return { ok: true, value: change };
    case 'rule_put':
    case 'rule_remove': {
      const { kind } = change;
      return map(parseRuleRow(change.rule), (value) => ({ kind, rule: value }));
    }
    case 'rate_limit_put': {
      const { limit, windowMs } = change.rateLimit;
      const row = { max_connections: limit, window_ms: windowMs };
      return map(parseRateLimitRow(row), (value) => ({ kind: 'rate_limit_put', rateLimit: value }));
    }
    case 'policy_put':
    case 'policy_remove': {
      const { kind } = change;
      return map(parsePolicyRow(change.policy), (value) => ({ kind, policy: value }));
    }
    default:
      return change satisfies never;
  }
}

function map<T>(parsed: RowParse<T>, change: (value: T) => ApiChange): RowParse<ApiChange> {
  return parsed.ok ? { ok: true, value: change(parsed.value) } : parsed;
}
