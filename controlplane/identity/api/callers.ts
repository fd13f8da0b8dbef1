import { hasSecondFactor, readWays, requireEnrolled } from '../factors/index.ts';
import { refusal } from '../errors.ts';
import type { Rooms } from '../rooms.ts';
import { requireSession } from '../sessions/index.ts';
import { audienceCovers, managementAudience } from '../tokens/index.ts';
import type { CallerRule } from './authorization.ts';
import type { Call, Holder, Person } from './call.ts';

export type CallerOf = {
  readonly anyone: null;
  readonly bearer: Holder;
  readonly person: Person;
  readonly admin: Person;
  readonly explainer: Holder;
};

export type Callers = {
  /** @throws invalid_token, permission_denied, mfa_enrollment_required, step_up_required */
  admit(rule: CallerRule, call: Call): Promise<Holder | Person | null>;
  /** The holder of the bearer token that came along, where one did. @throws invalid_token */
  holder(call: Call): Promise<Holder | null>;
  /** @throws permission_denied and what `admit` throws */
  requireAdmin(holder: Holder): Person;
  requireExplainer(holder: Holder): Holder;
};

export function createCallers({ store, verifier, activity, clock, inForce }: Rooms): Callers {
  async function holder(call: Call): Promise<Holder | null> {
    if (call.bearer === null) return null;
    const token = bearerToken(call.bearer);
    const now = clock();
    const verified = await verifier.require(token, now);
    const { state } = verified;
    call.note({ account: state.account.name });
    activity.note({ tokenId: state.tokenId, sessionId: state.sessionId }, now);
    return { ...verified, account: state.account };
  }

  async function requireHolder(call: Call): Promise<Holder> {
    const found = await holder(call);
    if (found !== null) return found;
    throw refusal('invalid_token', 'malformed', { message: 'a bearer token is needed' });
  }

  /** Type and role before the audience: whoever may not do it with any token should not be sent to fetch another one. */
  function requirePerson({ account, claims, state, ...rest }: Holder, isAdminOnly: boolean): Person {
    if (account.type !== 'human' || state.sessionId === null)
      throw denied('this is for people, with a login of theirs');
    if (isAdminOnly && !account.roles.includes('admin')) throw denied('this needs the role admin');
    if (!audienceCovers(claims.aud, managementAudience)) {
      const message = 'this token is for other services; log in to mcias';
      throw refusal('permission_denied', 'wrong_audience', { message });
    }
    const session = requireSession(store.reader, state.sessionId, clock());
    return { ...rest, account, claims, state, session };
  }

  function requireAdmin(candidate: Holder): Person {
    return checked(requirePerson(candidate, true), { who: 'admin', isSensitive: false, isEnrolment: false });
  }

  function requireExplainer(candidate: Holder): Holder {
    const { account } = candidate;
    if (account.type === 'human') return requireAdmin(candidate);
    if (inForce().config.policy.explain_accounts.includes(account.name)) return candidate;
    throw denied('this is for admins and the accounts of policy.explain_accounts');
  }

  function checked(person: Person, { isSensitive, isEnrolment }: CallerRule): Person {
    const { admin_requires_mfa: adminRequiresMfa, step_up_max_age: maxAgeMs } = inForce().config.auth;
    const { account, claims } = person;
    const isAdmin = account.roles.includes('admin');
    if (!isEnrolment && isAdmin) requireEnrolled(readWays(store.reader, account.id), isAdmin, adminRequiresMfa);
    if (isSensitive && clock() - claims.auth_time * 1000 > maxAgeMs) {
      throw refusal('step_up_required', 'step_up', { details: { max_age: Math.floor(maxAgeMs / 1000) } });
    }
    return person;
  }

  return {
    holder,
    requireAdmin,
    requireExplainer,
    async admit(rule, call) {
      switch (rule.who) {
        case 'anyone':
          return null;
        case 'bearer':
          return requireHolder(call);
        case 'person':
        case 'admin':
          return checked(requirePerson(await requireHolder(call), rule.who === 'admin'), rule);
        case 'explainer':
          return requireExplainer(await requireHolder(call));
        default:
          return rule.who satisfies never;
      }
    },
  };
}

/** Whether an admin must enrol a second factor before anything else. */
export function mustEnrol(
  { store, inForce }: Pick<Rooms, 'store' | 'inForce'>,
  account: { readonly id: string; readonly roles: readonly string[] },
): boolean {
  if (!account.roles.includes('admin') || !inForce().config.auth.admin_requires_mfa) return false;
  return !hasSecondFactor(readWays(store.reader, account.id));
}

/** RFC 6750 section 2.1. @throws invalid_token */
function bearerToken(header: string): string {
  const token = /^bearer +(\S+)$/i.exec(header)?.[1];
  if (token !== undefined) return token;
  throw refusal('invalid_token', 'malformed', { message: 'the authorization header is no bearer token' });
}

function denied(message: string): Error {
  return refusal('permission_denied', 'permission_denied', { message });
}
