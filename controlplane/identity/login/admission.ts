import { refusal } from '../errors.ts';
import { evaluate, type Decision, type PolicyContext, type PolicySnapshot } from '../policy/index.ts';
import type { Verified } from './attempt.ts';

/**
 * Whether policy lets a verified account into every one of the services, the first being the one logged into and the others what
 * the token is for as well. It takes what a login gives once the credentials are good, so it cannot be asked before.
 * @returns the decision on the first
 * @throws policy_denied, with service, reason and rule
 */
export function requireAdmission(
  snapshot: PolicySnapshot,
  { account }: Verified,
  contexts: readonly [PolicyContext, ...PolicyContext[]],
  now: number,
): Decision {
  const [first, ...others] = contexts;
  const ask = (context: PolicyContext): Decision => {
    const { decision } = evaluate(snapshot, { account, context, now }, 'enforce');
    if (decision.effect === 'deny') throw denied(context.serviceName, decision);
    return decision;
  };
  const decision = ask(first);
  for (const context of others) ask(context);
  return decision;
}

function denied(service: string, { reason, ruleId }: Extract<Decision, { effect: 'deny' }>): Error {
  return refusal('policy_denied', reason, {
    message: `login policy does not let this account into ${service}`,
    details: { service, reason, rule_id: ruleId },
  });
}
