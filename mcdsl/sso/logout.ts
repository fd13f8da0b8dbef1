import { z } from 'zod';

import { authErrors } from '../auth/index.ts';
import type { Principal } from '../auth/index.ts';
import { checkOrigin } from '../csrf/index.ts';
import { messageOf } from '../errors/index.ts';
import { formBody, redirect, route } from '../http/index.ts';
import type { HttpRequest, HttpRoute } from '../http/index.ts';
import type { SsoDeps } from './deps.ts';

/** `POST /logout`: ends the session at mcias, and with it the login at every service; here in any case. */
export function logoutRoute(deps: SsoDeps): HttpRoute {
  const { session } = deps;
  return route({
    method: 'POST',
    path: '/logout',
    page: true,
    body: formBody(z.strictObject({ csrf: z.string().optional() })),
    async answer(request) {
      const token = session.read(request);
      if (token !== null) await end(deps, request, token, request.body.csrf);
      session.clear(request);
      return redirect('/login');
    },
  });
}

async function end(deps: SsoDeps, request: HttpRequest, token: string, given: string | undefined): Promise<void> {
  const { authenticator, mcias, csrf, origin, logger } = deps;
  try {
    const principal = await authenticator.authenticate(token);
    request.note({ account: principal.name });
    csrf.check(request, formSession(principal), given);
    await mcias.logout(token);
  } catch (error) {
    if (authErrors.is(error, 'invalid_token') || authErrors.is(error, 'policy_denied')) return;
    if (!authErrors.is(error, 'auth_unavailable')) throw error;
    // Nobody can say whose session it is, so the form's value proves nothing; the browser's word has to do.
    checkOrigin(request, origin);
    logger.warn('logged out here only: mcias cannot be asked', { reason: messageOf(error) });
  } finally {
    authenticator.forget(token);
  }
}

/** What forms are bound to: it stays the same when the token is renewed. */
export function formSession(principal: Principal): string {
  return principal.sessionId ?? principal.tokenId;
}
