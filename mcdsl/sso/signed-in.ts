import { hash } from 'node:crypto';

import { admit, authErrors, createTimedMap } from '../auth/index.ts';
import type { Principal, Requirement, TokenGrant } from '../auth/index.ts';
import { messageOf } from '../errors/index.ts';
import { httpErrors, redirect } from '../http/index.ts';
import type { HttpAnswer, HttpContext, HttpRule } from '../http/index.ts';
import type { SsoDeps } from './deps.ts';

/** How long the successor of a token is handed to requests that still carry it; mcias lets the old one live as long. */
const overlapMs = 60_000;
const maxRenewals = 10_000;

/**
 * The rule of pages: a person with a session here whose account meets the requirement. Without one they are sent to the login; a
 * token past half its life is renewed and its cookie replaced.
 */
export function createSignedIn(deps: SsoDeps): (requirement: Requirement) => HttpRule {
  const { session, authenticator, now } = deps;
  const renew = createRenewal(deps);
  return (requirement) => ({
    rule: `session: ${requirement.name}`,
    async authorize(context) {
      requireHttps(context);
      const token = session.read(context);
      if (token === null) return toLogin(context);
      try {
        const principal = await authenticator.authenticate(token);
        if (now() > (principal.issuedAtMs + principal.expiresAtMs) / 2) await renew(context, token, principal);
        admit(context, principal, requirement);
        return undefined;
      } catch (error) {
        if (!authErrors.is(error, 'invalid_token')) throw error;
        session.clear(context);
        return toLogin(context);
      }
    },
  });
}

/** Browsers drop Secure cookies over plain HTTP without a word: say so instead of sending them round in circles (IA-80). */
export function requireHttps(context: Pick<HttpContext, 'scheme'>): void {
  if (context.scheme === 'https') return;
  throw httpErrors.error('https_required', 'this page needs HTTPS: open its https:// address, through the proxy', {
    reason: 'https_required',
  });
}

function toLogin(context: HttpContext): HttpAnswer {
  const isRead = context.method === 'GET' || context.method === 'HEAD';
  const login = `/login?return=${encodeURIComponent(isRead ? context.target : '/')}`;
  if (context.header('hx-request') === 'true') return { status: 401, headers: { 'hx-redirect': login }, body: null };
  if (isRead) return redirect(login);
  throw authErrors.error('invalid_token', 'your session has ended; log in and send the form again', {
    reason: 'no_session',
  });
}

type Renewal = (context: HttpContext, token: string, principal: Principal) => Promise<void>;

/** One renewal a token, however many requests carry it. @returns a function that throws invalid_token when the session has ended */
function createRenewal({ mcias, session, logger, now }: SsoDeps): Renewal {
  const renewals = createTimedMap<Promise<TokenGrant>>(maxRenewals);
  return async (context, token, principal) => {
    const key = hash('sha256', token, 'base64url');
    let renewal = renewals.get(key, now());
    if (renewal === null) {
      renewal = mcias.renew(token);
      renewals.set(key, renewal, now() + overlapMs);
    }
    try {
      const grant = await renewal;
      session.write(context, grant.token, grant.expiresAtMs, now());
    } catch (error) {
      renewals.delete(key);
      if (authErrors.is(error, 'invalid_token')) throw error;
      // The token is still good; a later request tries again.
      logger.warn('a session could not be renewed', { account: principal.name, reason: messageOf(error) });
    }
  };
}
