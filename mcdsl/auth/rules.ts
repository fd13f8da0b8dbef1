import type { LogFields } from '../logging/index.ts';
import type { Authenticator } from './authenticator.ts';
import { authErrors } from './errors.ts';
import type { Principal } from './principal.ts';

/** What REST and gRPC have in common of a call: enough for a rule, so that one rule serves both maps. */
export type CallerContext = { header(name: string): string | null; note?(fields: LogFields): void };

/** A condition on the caller. */
export type Requirement = { readonly name: string; holds(principal: Principal): boolean };

export const anyAccount: Requirement = { name: 'any account', holds: () => true };
export const human: Requirement = { name: 'a human account', holds: ({ type }) => type === 'human' };
export const system: Requirement = { name: 'a system account', holds: ({ type }) => type === 'system' };

export function role(...roles: readonly ('admin' | 'user' | 'guest')[]): Requirement {
  return {
    name: `role ${roles.join(' or ')}`,
    holds: (principal) => roles.some((wanted) => principal.roles.includes(wanted)),
  };
}

export function account(...names: readonly string[]): Requirement {
  return { name: `account ${names.join(' or ')}`, holds: ({ name }) => names.includes(name) };
}

export function anyOf(...of: readonly Requirement[]): Requirement {
  return {
    name: of.map(({ name }) => name).join(' or '),
    holds: (principal) => of.some((requirement) => requirement.holds(principal)),
  };
}

export function allOf(...of: readonly Requirement[]): Requirement {
  return {
    name: of.map(({ name }) => name).join(', '),
    holds: (principal) => of.every((requirement) => requirement.holds(principal)),
  };
}

/** A rule for an authorization map, of `mcdsl/http` and of `mcdsl/grpc` alike. */
export type BearerRule = { readonly rule: string; authorize(context: CallerContext): Promise<void> };

/** The caller must hold a valid bearer token, of an account that meets the requirement. */
export function bearer(authenticator: Authenticator, requirement: Requirement): BearerRule {
  return {
    rule: `bearer: ${requirement.name}`,
    async authorize(context) {
      admit(context, await authenticator.authenticate(bearerToken(context)), requirement);
    },
  };
}

// Beside the context, not in it: what no rule has set, nobody can have made up.
const principals = new WeakMap<object, Principal>();

/** Notes who calls, if they may. @throws permission_denied */
export function admit(context: CallerContext, principal: Principal, requirement: Requirement): void {
  context.note?.({ account: principal.name });
  if (!requirement.holds(principal)) {
    throw authErrors.error('permission_denied', `this is for ${requirement.name} only`, { required: requirement.name });
  }
  principals.set(context, principal);
}

/** Who calls, for handlers behind a rule. @throws Error behind a rule that asks nobody: a mistake in the program */
export function principalOf(context: CallerContext): Principal {
  const principal = principals.get(context);
  if (principal === undefined) throw new Error('no rule has authenticated this call');
  return principal;
}

/** RFC 6750 §2.1. @throws invalid_token */
function bearerToken(context: CallerContext): string {
  const header = context.header('authorization');
  if (header === null) throw authErrors.error('invalid_token', 'a bearer token is needed', { reason: 'missing' });
  const token = /^bearer +(\S+)$/i.exec(header)?.[1];
  if (token !== undefined) return token;
  throw authErrors.error('invalid_token', 'the authorization header is no bearer token', { reason: 'malformed' });
}
