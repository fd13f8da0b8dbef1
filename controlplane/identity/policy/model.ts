/** The words of the login policy: accounts and contexts that are judged, rules that judge, decisions with their reasons. */

export const roles = ['admin', 'user', 'guest'] as const;
export type Role = (typeof roles)[number];

export const accountTypes = ['human', 'system'] as const;
export type AccountType = (typeof accountTypes)[number];

export type AccountStatus = 'enabled' | 'disabled' | 'deleted';

export type Effect = 'allow' | 'deny';

/** Who wants in. `id` is null for an account that is only supposed, in explain. */
export interface PolicyAccount {
  readonly id: string | null;
  readonly type: AccountType;
  readonly roles: readonly Role[];
  readonly status: AccountStatus;
}

/** Where to. Made by `parseContext` only, so that nothing is evaluated on a malformed one. */
export interface PolicyContext {
  readonly serviceName: string;
  /** Without duplicates. */
  readonly tags: readonly string[];
}

/** One rule. Lists are conditions; an empty one holds for everything. Times are milliseconds since the epoch. */
export interface PolicyRule {
  readonly id: number;
  /** 1 is the strongest. */
  readonly priority: number;
  readonly effect: Effect;
  readonly enabled: boolean;
  readonly description: string;
  readonly roles: readonly Role[];
  readonly accountTypes: readonly AccountType[];
  /** Ids of accounts, not names: a renamed account does not escape a rule about it. */
  readonly accounts: readonly string[];
  readonly services: readonly string[];
  readonly tags: readonly string[];
  readonly notBefore: number | null;
  readonly expiresAt: number | null;
}

export const allowReasons = ['self_service', 'admin_bypass', 'rule_allow'] as const;
export const denyReasons = ['account_disabled', 'rule_deny', 'no_match'] as const;

/** Every reason that a decision can have: in the answer, the log line and the metric's label. */
export const policyReasons = [...allowReasons, ...denyReasons] as const;
export type PolicyReason = (typeof policyReasons)[number];

/** `ruleId` and `priority`: of the rule that decided, where one did. */
export type Decision = { readonly ruleId: number | null; readonly priority: number | null } & (
  | { readonly effect: 'allow'; readonly reason: (typeof allowReasons)[number] }
  | { readonly effect: 'deny'; readonly reason: (typeof denyReasons)[number] }
);

/** `empty`: the rule does not ask for it, so it holds. */
export type ConditionOutcome = 'empty' | 'holds' | 'fails';

export type ConditionName = 'window' | 'roles' | 'account_types' | 'accounts' | 'services' | 'tags';

export interface TraceEntry {
  readonly ruleId: number;
  readonly priority: number;
  readonly effect: Effect;
  readonly matched: boolean;
  readonly conditions: Readonly<Record<ConditionName, ConditionOutcome>>;
}

export interface Explanation {
  readonly decision: Decision;
  /** What rules alone would say, where the role admin bypasses them. */
  readonly wouldMatch: Decision | null;
  /** Every enabled rule in the order of evaluation; empty where the decision stands before any rule is asked. */
  readonly trace: readonly TraceEntry[];
}
