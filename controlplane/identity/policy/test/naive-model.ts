import type { Decision, PolicyAccount, PolicyContext, PolicyRule } from '../model.ts';

/** The specification's steps 2 to 7, word for word and without any index: what the engine is compared with. */
export function naiveDecision(
  rules: readonly PolicyRule[],
  account: PolicyAccount,
  context: PolicyContext,
  now: number,
): Decision {
  const say = (effect: Decision['effect'], reason: Decision['reason'], rule?: PolicyRule): Decision =>
    ({ effect, reason, ruleId: rule?.id ?? null, priority: rule?.priority ?? null }) as Decision;
  if (account.status !== 'enabled') return say('deny', 'account_disabled');
  if (context.serviceName === 'mcias') return say('allow', 'self_service');
  if (account.roles.includes('admin')) return say('allow', 'admin_bypass');
  const matching = rules
    .filter((rule) => rule.enabled)
    .filter((rule) => (rule.notBefore ?? -Infinity) <= now && now < (rule.expiresAt ?? Infinity))
    .filter((rule) => rule.roles.length === 0 || rule.roles.some((role) => account.roles.includes(role)))
    .filter((rule) => rule.accountTypes.length === 0 || rule.accountTypes.includes(account.type))
    .filter((rule) => rule.accounts.length === 0 || (account.id !== null && rule.accounts.includes(account.id)))
    .filter((rule) => rule.services.length === 0 || rule.services.includes(context.serviceName))
    .filter((rule) => rule.tags.every((tag) => context.tags.includes(tag)));
  const strongest = Math.min(...matching.map((rule) => rule.priority));
  const deciding = matching.filter((rule) => rule.priority === strongest).sort((a, b) => a.id - b.id);
  const deny = deciding.find((rule) => rule.effect === 'deny');
  if (deny !== undefined) return say('deny', 'rule_deny', deny);
  const [allow] = deciding;
  return allow === undefined ? say('deny', 'no_match') : say('allow', 'rule_allow', allow);
}
