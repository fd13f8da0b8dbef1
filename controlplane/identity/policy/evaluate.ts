import { roleMaskOf, typeMaskOf, type CompiledRule, type PolicySnapshot } from './compile.ts';
import type { ConditionOutcome, Decision, Explanation, PolicyAccount, PolicyContext, TraceEntry } from './model.ts';

export interface PolicyQuestion {
  readonly account: PolicyAccount;
  readonly context: PolicyContext;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** `enforce` looks only at rules that can concern the service; `explain` walks through all of them and keeps a trace. */
export type EvaluationMode = 'enforce' | 'explain';

/** mcias itself: everybody reaches their own credentials and sessions, whatever the rules say. */
export const selfService = 'mcias';

/**
 * Whether the account may log in there, by the steps in their order. The one function of login, SSO, OIDC, validate, dry_run and
 * explain: the mode changes what is reported, never the decision.
 */
export function evaluate(snapshot: PolicySnapshot, question: PolicyQuestion, mode: EvaluationMode): Explanation {
  const { account, context } = question;
  if (account.status !== 'enabled') return settled({ effect: 'deny', reason: 'account_disabled' });
  if (context.serviceName === selfService) return settled({ effect: 'allow', reason: 'self_service' });
  if (!account.roles.includes('admin')) return { ...judge(snapshot, question, mode), wouldMatch: null };
  const bypass = settled({ effect: 'allow', reason: 'admin_bypass' });
  if (mode === 'enforce') return bypass;
  const { decision, trace } = judge(snapshot, question, mode);
  return { ...bypass, wouldMatch: decision, trace };
}

/** A decision that no rule was asked for. */
function settled(
  verdict:
    | { readonly effect: 'allow'; readonly reason: 'self_service' | 'admin_bypass' }
    | { readonly effect: 'deny'; readonly reason: 'account_disabled' },
): Explanation {
  return { decision: { ...verdict, ruleId: null, priority: null }, wouldMatch: null, trace: [] };
}

/**
 * The first priority with a matching rule decides; at that priority a deny wins, then the lowest id. In the order of evaluation
 * that is: the first match, unless a later one of the same priority denies.
 */
function judge(
  snapshot: PolicySnapshot,
  question: PolicyQuestion,
  mode: EvaluationMode,
): { decision: Decision; trace: readonly TraceEntry[] } {
  const asked = prepare(question);
  const trace: TraceEntry[] = [];
  let winner: CompiledRule | null = null;
  const next = mode === 'explain' ? walk(snapshot.ordered) : merge(snapshot, asked.service);
  for (let rule = next(); rule !== null; rule = next()) {
    const isSettled: boolean = winner !== null && (winner.effect === 'deny' || rule.priority > winner.priority);
    if (isSettled && mode === 'enforce') break;
    const matched = matches(rule, asked);
    if (mode === 'explain') trace.push(traceOf(rule, asked, matched));
    if (matched && !isSettled && (winner === null || rule.effect === 'deny')) winner = rule;
  }
  return { decision: decisionOf(winner), trace };
}

function decisionOf(winner: CompiledRule | null): Decision {
  if (winner === null) return { effect: 'deny', reason: 'no_match', ruleId: null, priority: null };
  const { id: ruleId, priority, effect } = winner;
  return effect === 'deny'
    ? { effect, reason: 'rule_deny', ruleId, priority }
    : { effect, reason: 'rule_allow', ruleId, priority };
}

interface Asked {
  readonly accountId: string | null;
  readonly roleMask: number;
  readonly typeMask: number;
  readonly service: string;
  readonly tags: readonly string[];
  readonly now: number;
}

function prepare({ account, context, now }: PolicyQuestion): Asked {
  const { id: accountId, type, roles } = account;
  const { serviceName: service, tags } = context;
  return { accountId, roleMask: roleMaskOf(roles), typeMask: typeMaskOf([type]), service, tags, now };
}

/** Cheap conditions first: most rules fall at a comparison of numbers. */
function matches(rule: CompiledRule, asked: Asked): boolean {
  return (
    (rule.roleMask === 0 || (rule.roleMask & asked.roleMask) !== 0) &&
    (rule.typeMask === 0 || (rule.typeMask & asked.typeMask) !== 0) &&
    rule.notBefore <= asked.now &&
    asked.now < rule.expiresAt &&
    (rule.services === null || rule.services.has(asked.service)) &&
    (rule.accounts === null || (asked.accountId !== null && rule.accounts.has(asked.accountId))) &&
    rule.tags.every((tag) => asked.tags.includes(tag))
  );
}

function traceOf(rule: CompiledRule, asked: Asked, matched: boolean): TraceEntry {
  const { id: ruleId, priority, effect, notBefore, expiresAt } = rule;
  return {
    ruleId,
    priority,
    effect,
    matched,
    conditions: {
      window: outcome(
        notBefore === -Infinity && expiresAt === Infinity,
        notBefore <= asked.now && asked.now < expiresAt,
      ),
      roles: outcome(rule.roleMask === 0, (rule.roleMask & asked.roleMask) !== 0),
      account_types: outcome(rule.typeMask === 0, (rule.typeMask & asked.typeMask) !== 0),
      accounts: outcome(rule.accounts === null, rule.accounts?.has(asked.accountId ?? '') === true),
      services: outcome(rule.services === null, rule.services?.has(asked.service) === true),
      tags: outcome(
        rule.tags.length === 0,
        rule.tags.every((tag) => asked.tags.includes(tag)),
      ),
    },
  };
}

function outcome(isEmpty: boolean, holds: boolean): ConditionOutcome {
  if (isEmpty) return 'empty';
  return holds ? 'holds' : 'fails';
}

type Next = () => CompiledRule | null;

function walk(rules: readonly CompiledRule[]): Next {
  let at = 0;
  return () => rules[at++] ?? null;
}

/** The rules of one service and those of any service, in the order of evaluation, without building the list. */
function merge(snapshot: PolicySnapshot, service: string): Next {
  const own = snapshot.byService.get(service) ?? [];
  const any = snapshot.anyService;
  let ownAt = 0;
  let anyAt = 0;
  return () => {
    const a = own[ownAt];
    const b = any[anyAt];
    if (a !== undefined && (b === undefined || a.priority < b.priority || (a.priority === b.priority && a.id < b.id))) {
      ownAt++;
      return a;
    }
    anyAt++;
    return b ?? null;
  };
}
