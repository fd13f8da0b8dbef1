import { z } from 'zod';

import type { AuditSource } from '../../audit/index.ts';
import { appendAudit, appendFailure } from '../../audit/index.ts';
import { refusal, refusalOf } from '../../errors.ts';
import { beginSession, requireAdmission, type Origin, type Verified } from '../../login/index.ts';
import type { Decision, PolicyContext } from '../../policy/index.ts';
import { maxAudience, platformAudience, type IssuedToken, type TokenHolder } from '../../tokens/index.ts';
import type { Call, Holder } from '../call.ts';
import { mustEnrol } from '../callers.ts';
import type { ApiDeps } from '../deps.ts';

/** What is logged into: kept while the second factor is waited for. */
export const loginGoal = z.strictObject({
  service: z.string(),
  tags: z.array(z.string()),
  audience: z.array(z.string()).max(maxAudience),
});

export type LoginGoal = z.output<typeof loginGoal>;

/** A token, as every way to log in or to renew one gives it. */
export function grantOf({ token, expiresAt, renewAfter }: IssuedToken, { id, name, type, roles }: TokenHolder) {
  return {
    token,
    expires_at: new Date(expiresAt),
    renew_after: new Date(renewAfter),
    account: { id, name, type, roles: [...roles] },
  };
}

/** @throws invalid_argument for an audience that no person's token may have */
export function goalOf({ serviceName, tags }: PolicyContext, audience: readonly string[] = []): LoginGoal {
  if (audience.includes(platformAudience) || serviceName === platformAudience) {
    const message = `"${platformAudience}" is for tokens of system accounts; name the services`;
    throw refusal('invalid_argument', 'bad_value', { message, details: { field: 'audience' } });
  }
  return { service: serviceName, tags: [...tags], audience: [...new Set(audience)] };
}

/**
 * Whether policy admits a verified account to everything that it wants to log into. A denial is audited here: only now is it known
 * who asked.
 * @throws policy_denied, mfa_enrollment_required
 */
export function admit(deps: ApiDeps, verified: Verified, goal: LoginGoal, origin: Origin): Decision {
  const { store, policy, clock } = deps;
  const { service, tags, audience } = goal;
  const others = audience.filter((name) => name !== service).map((serviceName) => ({ serviceName, tags }));
  const { account } = verified;
  try {
    const first = { serviceName: service, tags };
    const decision = requireAdmission(policy.snapshot(), verified, [first, ...others], clock());
    const isOwnOnly = service === 'mcias' && others.length === 0;
    if (!isOwnOnly && mustEnrol(deps, account)) throw refusal('mfa_enrollment_required', 'mfa_enrollment');
    return decision;
  } catch (error) {
    const reason = refusalOf(error)?.reason;
    if (reason !== undefined) {
      const { ip, requestId } = origin;
      const source = { actor: account.name, actorKind: account.type, ip, requestId, target: account.name } as const;
      const entry = { ...source, event: 'login.refused', service, reason, details: {} } as const;
      store.change((writer) => appendFailure(writer, entry, clock()));
    }
    throw error;
  }
}

/** A session and its first token, in one transaction. */
export function grantLogin(deps: ApiDeps, verified: Verified, goal: LoginGoal, origin: Origin, call: Call) {
  const { store, login, issuer, clock, inForce } = deps;
  const { reason, ruleId } = admit(deps, verified, goal, origin);
  const { account } = verified;
  const now = clock();
  const audience = goal.audience.length === 0 ? [goal.service] : goal.audience;
  const issued = store.change((writer) => {
    const times = inForce().settings.sessionTimes;
    const details = { policy: reason, rule: ruleId };
    const start = { origin: { ...origin, service: goal.service }, userAgent: call.userAgent, times, details };
    const { session } = beginSession(writer, login, verified, start, now);
    return issuer.forSession(writer, account, session, audience, now);
  });
  return grantOf(issued, account);
}

/** Of an operation that a caller with a token performs. */
export function sourceOf({ account }: Holder, { address: ip, requestId }: Call): AuditSource {
  return { actor: account.name, actorKind: account.type, ip, requestId };
}

/** Renews whatever was verified; the old token retires after its overlap. */
export function renewToken({ store, issuer, clock }: ApiDeps, holder: Holder, call: Call) {
  const now = clock();
  const { account, state } = holder;
  const issued = store.change((writer) => {
    const next = issuer.renew(writer, holder, now);
    const details = { token: next.tokenId, from: state.tokenId };
    const entry = { ...sourceOf(holder, call), target: account.name, service: '', reason: '', details } as const;
    appendAudit(writer, { ...entry, event: 'token.renewed' }, now);
    return next;
  });
  return grantOf(issued, account);
}
