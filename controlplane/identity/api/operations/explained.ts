import type { Decision, Explanation, PolicySnapshot } from '../../policy/index.ts';

/** A decision and how it came about, as dry_run and explain answer. */
export function explained({ revision }: PolicySnapshot, { decision, wouldMatch, trace }: Explanation) {
  return {
    ...decided(decision),
    revision,
    ...(wouldMatch === null ? {} : { would_match: decided(wouldMatch) }),
    trace: trace.map(({ ruleId, priority, effect, matched, conditions }) => ({
      rule_id: ruleId,
      priority,
      effect,
      matched,
      conditions,
    })),
  };
}

function decided({ effect, reason, ruleId, priority }: Decision) {
  return { decision: effect, reason, rule_id: ruleId, priority };
}
