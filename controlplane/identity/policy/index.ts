export { compilePolicy } from './compile.ts';
export type { PolicySnapshot } from './compile.ts';
export { parseContext } from './context.ts';
export type { ContextParse } from './context.ts';
export { evaluate, selfService } from './evaluate.ts';
export type { EvaluationMode, PolicyQuestion } from './evaluate.ts';
export { formatPolicyFile, parsePolicyFile } from './file.ts';
export type { PolicyFileParse } from './file.ts';
export { accountTypes, allowReasons, denyReasons, policyReasons, roles } from './model.ts';
export type {
  AccountStatus,
  AccountType,
  Decision,
  Effect,
  Explanation,
  PolicyAccount,
  PolicyContext,
  PolicyReason,
  PolicyRule,
  Role,
  TraceEntry,
} from './model.ts';
export { maxRules, parseRule, parseRuleSet, ruleSchema, toWire } from './rule.ts';
export type { AccountDirectory, RuleDraft, RuleIssue, RuleParse, RuleSetParse, WireRule } from './rule.ts';
export { accountDirectory, createPolicyStore, policyRevision, writeBaselineRules } from './store.ts';
export type { PolicyStore, RuleChange } from './store.ts';
