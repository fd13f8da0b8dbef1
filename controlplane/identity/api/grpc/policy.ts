import type { PolicyDecision } from '../../../../proto/gen/mcias/v1/common.ts';
import { KeyServiceService, type RevokeKeyRequest } from '../../../../proto/gen/mcias/v1/key.ts';
import {
  PolicyServiceService,
  type CreateRuleRequest,
  type DeleteRuleRequest,
  type ExplainRequest,
  type GetRuleRequest,
  type ListRulesRequest,
  type PolicyRule,
  type PutRuleRequest,
  type ReplaceSetRequest,
} from '../../../../proto/gen/mcias/v1/policy.ts';
import { defineService } from '../../../../mcdsl/grpc/index.ts';
import type { WireRule } from '../../policy/index.ts';
import type { explained } from '../operations/explained.ts';
import type { Operations } from '../operations/index.ts';
import { camel } from './camel.ts';
import { lastPage, pageFields, serve, type Rpcs } from './rpc.ts';

export function policyService({ policy }: Operations, { rpc }: Rpcs) {
  const set = ({ rules, revision }: { readonly rules: readonly WireRule[]; readonly revision: number }) => ({
    rules: rules.map(ruleMessage),
    revision,
  });
  const one = ({ rule, revision }: { readonly rule: WireRule; readonly revision: number }) => ({
    rule: ruleMessage(rule),
    revision,
  });
  return defineService(
    PolicyServiceService,
    serve({
      getSet: rpc(policy.getSet, (_request: object) => ({}), set),
      replaceSet: rpc(
        policy.replaceSet,
        ({ rules, revision }: ReplaceSetRequest) => ({ rules: rules.map(ruleFields), revision }),
        set,
      ),
      listRules: rpc(
        policy.listRules,
        ({ page }: ListRulesRequest) => pageFields(page),
        (output) => ({ ...set(output), ...lastPage(output) }),
      ),
      getRule: rpc(policy.getRule, ({ id }: GetRuleRequest) => ({ id }), one),
      createRule: rpc(
        policy.createRule,
        ({ rule, revision }: CreateRuleRequest) => ({ rule: rule && ruleFields(rule), revision }),
        one,
      ),
      putRule: rpc(
        policy.putRule,
        ({ rule, revision }: PutRuleRequest) => ({ id: rule?.id, rule: rule && ruleFields(rule), revision }),
        one,
      ),
      deleteRule: rpc(policy.deleteRule, ({ id, revision }: DeleteRuleRequest) => ({ id, revision }), camel),
      explain: rpc(
        policy.explain,
        ({ subject, serviceName, tags }: ExplainRequest) => ({
          ...subjectFields(subject),
          service_name: serviceName,
          tags,
        }),
        (output) => ({ policy: policyDecision(output.policy) }),
      ),
    }),
  );
}

export function keyService({ keys }: Operations, { rpc }: Rpcs) {
  const empty = (_request: object) => ({});
  return defineService(
    KeyServiceService,
    serve({
      list: rpc(keys.list, empty, camel),
      rotate: rpc(keys.rotate, empty, camel),
      revoke: rpc(keys.revoke, ({ kid }: RevokeKeyRequest) => ({ kid }), camel),
    }),
  );
}

/** A condition that a rule does not ask for holds. */
export function policyDecision(policy: ReturnType<typeof explained>): PolicyDecision {
  const { decision, reason, revision, rule_id: ruleId, priority, would_match: wouldMatch, trace } = policy;
  return {
    decision,
    reason,
    revision,
    ...(ruleId === null ? {} : { ruleId }),
    ...(priority === null ? {} : { priority }),
    ...(wouldMatch === undefined ? {} : { wouldMatch: wouldMatch.reason }),
    trace: trace.map(({ conditions, ...entry }) => ({
      ...camel(entry),
      conditions: Object.fromEntries(Object.entries(conditions).map(([name, outcome]) => [name, outcome !== 'fails'])),
    })),
  };
}

function subjectFields(subject: ExplainRequest['subject']): object {
  switch (subject?.$case) {
    case undefined:
      return {};
    case 'account':
      return { account: subject.value };
    case 'supposed':
      return { account_type: subject.value.accountType, roles: subject.value.roles };
    default:
      return subject satisfies never;
  }
}

function ruleFields(rule: PolicyRule): object {
  return {
    ...(rule.id === 0 ? {} : { id: rule.id }),
    priority: rule.priority,
    effect: rule.effect,
    enabled: rule.enabled,
    description: rule.description,
    roles: rule.roles,
    account_types: rule.accountTypes,
    accounts: rule.accounts,
    services: rule.services,
    tags: rule.tags,
    ...(rule.notBefore === undefined ? {} : { not_before: rule.notBefore.toISOString() }),
    ...(rule.expiresAt === undefined ? {} : { expires_at: rule.expiresAt.toISOString() }),
  };
}

function ruleMessage({ not_before: notBefore, expires_at: expiresAt, ...rule }: WireRule): PolicyRule {
  return {
    id: rule.id ?? 0,
    priority: rule.priority,
    effect: rule.effect,
    enabled: rule.enabled,
    description: rule.description,
    roles: [...rule.roles],
    accountTypes: [...rule.account_types],
    accounts: [...rule.accounts],
    services: [...rule.services],
    tags: [...rule.tags],
    notBefore: notBefore === undefined ? undefined : new Date(notBefore),
    expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt),
  };
}
