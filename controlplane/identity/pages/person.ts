import type { CallerRule, Person } from '../api/index.ts';
import type { Browsers, Visitor } from '../browser/index.ts';
import { refusal } from '../errors.ts';
import { managementAudience } from '../tokens/index.ts';

/**
 * The person behind a browser as operations know people: as if they held a token of their session, for mcias itself. No such token
 * exists, so what would name it is empty.
 */
export function asPerson({ session, account }: Visitor, issuer: string): Person {
  const seconds = (ms: number): number => Math.floor(ms / 1000);
  const { id: sub, name, type, roles, status } = account;
  return {
    account: { id: sub, name, type, roles, status },
    session,
    claims: {
      iss: issuer,
      sub,
      aud: [managementAudience],
      exp: seconds(session.expiresAt),
      iat: seconds(session.createdAt),
      nbf: seconds(session.createdAt),
      jti: '',
      sid: session.id,
      name,
      type,
      roles,
      amr: session.amr,
      auth_time: seconds(session.authTime),
    },
    state: {
      tokenId: '',
      kind: 'human',
      label: '',
      sessionId: session.id,
      issuedAt: session.createdAt,
      expiresAt: session.expiresAt,
      chainId: '',
      ttlMs: session.expiresAt - session.createdAt,
      lastUsedAt: null,
      account: { id: sub, name, type, roles, status },
    },
  };
}

/**
 * What the authorization map says of an operation holds on pages too, whatever rule a screen has.
 * @throws permission_denied, mfa_enrollment_required, step_up_required
 */
export function admitVisitor(browsers: Browsers, rule: CallerRule, visitor: Visitor | null): void {
  if (rule.who === 'anyone') return;
  if (visitor === null) throw refusal('invalid_token', 'session_unknown', { message: 'your session has ended' });
  const isAdminOnly = rule.who === 'admin' || rule.who === 'explainer';
  if (isAdminOnly && !visitor.account.roles.includes('admin')) {
    throw refusal('permission_denied', 'permission_denied', { message: 'this needs the role admin' });
  }
  if (!rule.isEnrolment && browsers.gateOf(visitor) === '/account/enrol') {
    throw refusal('mfa_enrollment_required', 'mfa_enrollment');
  }
  if (rule.isSensitive && !browsers.isFresh(visitor)) throw refusal('step_up_required', 'step_up');
}
