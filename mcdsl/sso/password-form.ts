import { z } from 'zod';

import { authErrors } from '../auth/index.ts';
import { SystemError } from '../errors/index.ts';
import { formBody, html, redirect, route } from '../http/index.ts';
import type { HttpAnswer, HttpContext, HttpRoute } from '../http/index.ts';
import type { SsoDeps } from './deps.ts';
import { checkedReturnPath } from './flow.ts';
import { safeReturnPath } from './return-path.ts';
import { requireHttps } from './signed-in.ts';

const fields = z.strictObject({
  csrf: z.string().optional(),
  username: z.string().max(256),
  password: z.string().max(1024),
  totp_code: z.string().max(64).optional(),
  return: z.string().optional(),
});

/** What a person is told of a refusal, on the form itself. */
const told: Readonly<Record<string, string>> = {
  invalid_credentials: 'Name, password or code is wrong.',
  mfa_required: 'This account needs its code as well.',
  account_locked: 'Too many tries. Wait a little.',
  rate_limited: 'Too many tries. Wait a little.',
  busy: 'Too many logins at once. Try again.',
};

/** `/login` with name, password and code, for a service without single sign-on. mcias checks them. */
export function passwordRoutes(deps: SsoDeps): { login: HttpRoute; submit: HttpRoute } {
  const { mcias, session, csrf, templates, now } = deps;
  const form = (
    context: HttpContext,
    status: number,
    username: string,
    returnPath: string,
    alarm: string,
  ): HttpAnswer =>
    html(status, templates.render('login-form', { csrf: csrf.preToken(context), username, returnPath, alarm }));
  return {
    login: route({
      method: 'GET',
      path: '/login',
      page: true,
      query: z.strictObject({ return: z.string().optional() }),
      answer(request) {
        requireHttps(request);
        return form(request, 200, '', checkedReturnPath(request, request.query.return), '');
      },
    }),
    submit: route({
      method: 'POST',
      path: '/login',
      page: true,
      body: formBody(fields, 16_384),
      async answer(request) {
        requireHttps(request);
        const { csrf: given, username, password, totp_code: totpCode = '' } = request.body;
        csrf.checkPre(request, given);
        const returnPath = safeReturnPath(request.body.return);
        const login = { username, password, clientAddress: request.clientAddress };
        try {
          const grant = await mcias.login(totpCode === '' ? login : { ...login, totpCode });
          request.note({ account: grant.account.name });
          session.write(request, grant.token, grant.expiresAtMs, now());
          return redirect(returnPath);
        } catch (error) {
          const alarm = error instanceof SystemError && authErrors.is(error) ? told[error.code] : undefined;
          if (alarm === undefined) throw error;
          request.note({ reason: (error as SystemError).code });
          return form(request, (error as SystemError).http, username, returnPath, alarm);
        }
      },
    }),
  };
}
