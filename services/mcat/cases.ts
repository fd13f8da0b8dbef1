import { z } from 'zod';

import { authErrors } from '../../mcdsl/auth/index.ts';
import { defineConfig, type Frozen } from '../../mcdsl/config/index.ts';
import { serviceName, tags } from './context.ts';
import type { Mcias } from './mcias.ts';
import type { Verdict } from './verdict.ts';

const testCase = z.strictObject({
  account: z.string().min(1).max(64).describe('By name or id.'),
  service_name: serviceName(),
  tags: tags().default([]),
  expect: z.enum(['allow', 'deny']),
  reason: z
    .string()
    .regex(/^[a-z_]{1,32}$/)
    .optional()
    .describe('And for this reason, such as "rule_deny"; left out: any.'),
  rule: z.int().min(1).optional().describe('And by the rule with this id; left out: any.'),
});

/** A file of expectations about the login policy. */
export const casesFile = defineConfig({
  service: 'mcat-cases',
  schema: z.strictObject({ cases: z.array(testCase).min(1).max(10_000) }),
});

export type Case = Frozen<z.output<typeof testCase>>;

export type CaseResult = {
  readonly case: Case;
  readonly got: 'allow' | 'deny' | 'error';
  readonly reason: string;
  readonly rule: number | null;
  readonly ok: boolean;
};

/** @throws what mcias cannot be asked for; a case that mcias cannot answer (no such account) is a result */
export async function runCase(mcias: Pick<Mcias, 'explain'>, one: Case): Promise<CaseResult> {
  const context = { serviceName: one.service_name, tags: one.tags };
  try {
    return compared(one, await mcias.explain(one.account, context));
  } catch (error) {
    if (!authErrors.is(error, 'not_found')) throw error;
    return { case: one, got: 'error', reason: error.code, rule: null, ok: false };
  }
}

function compared(one: Case, { accepted, reason, ruleId: rule }: Verdict): CaseResult {
  const got = accepted ? 'allow' : 'deny';
  const ok =
    got === one.expect &&
    (one.reason === undefined || one.reason === reason) &&
    (one.rule === undefined || one.rule === rule);
  return { case: one, got, reason, rule, ok };
}
