import { z } from 'zod';

/** Whether a login would be accepted, and what decided. */
export type Verdict = {
  readonly accepted: boolean;
  readonly reason: string;
  readonly ruleId: number | null;
  /** null when mcias said no more than yes or no. */
  readonly explained: Explained | null;
};

export type Explained = {
  /** Of the rule set that was asked. */
  readonly revision: number;
  /** What the rules alone would say, where something before them decided. */
  readonly wouldMatch: Verdict | null;
  readonly trace: readonly TraceRow[];
};

export type TraceRow = {
  readonly ruleId: number;
  readonly priority: number;
  readonly effect: 'allow' | 'deny';
  readonly matched: boolean;
  /** `roles holds, tags fails`; empty for a rule without conditions. */
  readonly conditions: string;
};

const decided = z.object({
  decision: z.enum(['allow', 'deny']),
  reason: z.string(),
  rule_id: z.number().nullish(),
});

const traced = z
  .object({
    rule_id: z.number(),
    priority: z.number(),
    effect: z.enum(['allow', 'deny']),
    matched: z.boolean(),
    conditions: z.record(z.string(), z.string()),
  })
  .transform(({ rule_id: ruleId, conditions, ...row }): TraceRow => ({
    ...row,
    ruleId,
    conditions: Object.entries(conditions)
      .filter(([, outcome]) => outcome !== 'empty')
      .map(([name, outcome]) => `${name} ${outcome}`)
      .join(', '),
  }));

/** What mcias says of a decision, as dry_run and explain answer it. */
export const explanation = decided
  .extend({ revision: z.number(), would_match: decided.optional(), trace: z.array(traced) })
  .transform(({ revision, would_match: wouldMatch, trace, ...decision }): Verdict => ({
    ...verdictOf(decision),
    explained: { revision, wouldMatch: wouldMatch === undefined ? null : verdictOf(wouldMatch), trace },
  }));

export function refused(reason: string, ruleId: number | null = null): Verdict {
  return { accepted: false, reason, ruleId, explained: null };
}

/** `rule_allow, rule 11`, or the reason alone. */
export function because({ reason, ruleId }: Verdict): string {
  return ruleId === null ? reason : `${reason}, rule ${ruleId}`;
}

function verdictOf({ decision, reason, rule_id: ruleId }: z.output<typeof decided>): Verdict {
  return { accepted: decision === 'allow', reason, ruleId: ruleId ?? null, explained: null };
}
