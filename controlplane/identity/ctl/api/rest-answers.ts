import { setTimeout as wait } from 'node:timers/promises';

import type { CallOptions } from '../../../../mcdsl/grpc/index.ts';
import {
  AuditEntry,
  type FollowAuditRequest,
  type FollowAuditResponse,
  type ListAuditRequest,
  type ListAuditResponse,
} from '../../../../proto/gen/mcias/v1/audit.ts';
import { PolicyDecision } from '../../../../proto/gen/mcias/v1/common.ts';
import { ValidateResponse } from '../../../../proto/gen/mcias/v1/token.ts';
import { fieldsOf } from './fields.ts';
import type { Send } from './rest.ts';

type Json = Readonly<Record<string, unknown>>;

/** REST says for each condition whether it holds, fails or is not asked for; the contract says whether it stands in the way. */
export function decisionOf(json: unknown): PolicyDecision {
  const { would_match: wouldMatch, trace, ...decision } = json as Json;
  const entries = Array.isArray(trace) ? (trace as readonly Json[]) : [];
  return PolicyDecision.fromJSON({
    ...decision,
    ...(wouldMatch === undefined ? {} : { would_match: (wouldMatch as Json)['reason'] }),
    trace: entries.map(({ conditions, ...entry }) => ({
      ...entry,
      conditions: Object.fromEntries(Object.entries(conditions ?? {}).map(([name, is]) => [name, is !== 'fails'])),
    })),
  });
}

export function validation(json: unknown): ValidateResponse {
  const { policy, ...facts } = json as Json;
  if (policy === undefined) return ValidateResponse.fromJSON(facts);
  const { reason, rule_id: ruleId } = policy as Json;
  return ValidateResponse.fromJSON({ ...facts, reason, ...(ruleId === null ? {} : { policy_rule_id: ruleId }) });
}

export function listAudit(send: Send) {
  return async (request: ListAuditRequest, { signal }: CallOptions = {}): Promise<ListAuditResponse> => {
    const answer = (await send('GET', '/v1/audit', fieldsOf(request), signal)) as Json;
    return {
      entries: (answer['entries'] as readonly Json[]).map(entryOf),
      nextCursor: typeof answer['next_cursor'] === 'string' ? answer['next_cursor'] : '',
    };
  };
}

const pollMs = 1000;
const atOnce = 500;

/** REST has no stream: asks once a second for what is new. */
export function followAudit(send: Send) {
  const list = listAudit(send);
  return async function* (
    request: FollowAuditRequest,
    options: CallOptions = {},
  ): AsyncGenerator<FollowAuditResponse, void> {
    const { filter } = request;
    let seen = request.afterSeq ?? (await newest());
    for (;;) {
      for (const entry of await after(seen)) {
        seen = entry.seq;
        yield { entry };
      }
      await wait(pollMs, undefined, options.signal === undefined ? {} : { signal: options.signal });
    }

    async function newest(): Promise<number> {
      const { entries } = await list({ page: { limit: 1, cursor: '' }, filter: undefined }, options);
      return entries[0]?.seq ?? 0;
    }

    /** The list begins with the newest, so its pages are read until one reaches what was seen. */
    async function after(seq: number): Promise<readonly AuditEntry[]> {
      const found: AuditEntry[] = [];
      for (let cursor = ''; ;) {
        const { entries, nextCursor } = await list({ page: { limit: atOnce, cursor }, filter }, options);
        const fresh = entries.filter((entry) => entry.seq > seq);
        found.push(...fresh);
        if (fresh.length < entries.length || nextCursor === '') return found.toReversed();
        cursor = nextCursor;
      }
    }
  };
}

function entryOf({ details, ...entry }: Json): AuditEntry {
  return AuditEntry.fromJSON({ ...entry, details_json: JSON.stringify(details) });
}
