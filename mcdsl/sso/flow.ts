import { createHash } from 'node:crypto';

import { z } from 'zod';

import { authErrors } from '../auth/index.ts';
import { html, redirect, route } from '../http/index.ts';
import type { HttpAnswer, HttpContext, HttpRoute } from '../http/index.ts';
import { newSecret, secretsEqual } from '../secrets/index.ts';
import { callbackPath } from './config.ts';
import type { SsoDeps } from './deps.ts';
import { ssoErrors } from './errors.ts';
import { createFlowCookie } from './flow-cookie.ts';
import type { Flow } from './flow-cookie.ts';
import { safeReturnPath } from './return-path.ts';
import { requireHttps } from './signed-in.ts';

const returnQuery = z.strictObject({ return: z.string().optional() });

/** What may come back; more is left alone, so that mcias can say more one day. */
const callbackQuery = z.looseObject({
  state: z.string().optional(),
  iss: z.string().optional(),
  code: z.string().optional(),
  error: z.string().optional(),
  error_description: z.string().max(200).optional(),
});

/** `/login` with a button, `/sso/redirect` to mcias, `/sso/callback` from it. */
export function flowRoutes(deps: SsoDeps): { login: HttpRoute; redirect: HttpRoute; callback: HttpRoute } {
  const { mcias, templates, redirectUri, issuer, now } = deps;
  const flows = createFlowCookie(mcias.serviceName);

  return {
    login: route({
      method: 'GET',
      path: '/login',
      page: true,
      query: returnQuery,
      answer(request) {
        requireHttps(request);
        const returnPath = checkedReturnPath(request, request.query.return);
        return html(200, templates.render('login', { href: `/sso/redirect?return=${encodeURIComponent(returnPath)}` }));
      },
    }),

    redirect: route({
      method: 'GET',
      path: '/sso/redirect',
      page: true,
      query: returnQuery.extend({ prompt: z.literal('login').optional() }),
      answer(request) {
        requireHttps(request);
        const flow = {
          state: newSecret(),
          verifier: newSecret(),
          returnPath: checkedReturnPath(request, request.query.return),
        };
        flows.write(request, flow, now());
        const to = new URL('/sso/authorize', issuer);
        const parameters = {
          response_type: 'code',
          client_id: mcias.serviceName,
          redirect_uri: redirectUri,
          state: flow.state,
          code_challenge: createHash('sha256').update(flow.verifier).digest('base64url'),
          code_challenge_method: 'S256',
          ...(request.query.prompt === undefined ? {} : { prompt: request.query.prompt }),
        };
        for (const [name, value] of Object.entries(parameters)) to.searchParams.set(name, value);
        return redirect(to.href);
      },
    }),

    callback: route({
      method: 'GET',
      path: callbackPath,
      page: true,
      query: callbackQuery,
      async answer(request) {
        requireHttps(request);
        try {
          return await complete(deps, request, request.query, flows.read(request, now()));
        } finally {
          // One try for each login that was begun, whatever comes of it.
          flows.clear(request);
        }
      },
    }),
  };
}

async function complete(
  deps: SsoDeps,
  context: HttpContext,
  query: z.output<typeof callbackQuery>,
  flow: Flow | null,
): Promise<HttpAnswer> {
  const { mcias, session, redirectUri, issuer, now } = deps;
  const { state, iss, code, error, error_description: why } = query;
  if (flow === null || state === undefined || !secretsEqual(flow.state, state)) throw refuse('state_mismatch');
  if (iss !== issuer) throw refuse('iss_mismatch', 'the answer came from another login server');
  if (error === 'access_denied') {
    throw authErrors.error('policy_denied', 'the login policy does not admit this account here', {
      reason: plainWord(why) ?? 'access_denied',
    });
  }
  if (error !== undefined || code === undefined) {
    throw refuse('sso_error', `the login server answered ${plainWord(error) ?? 'without a code'}`);
  }
  const grant = await mcias.exchangeCode(code, redirectUri, flow.verifier);
  context.note({ account: grant.account.name });
  session.write(context, grant.token, grant.expiresAtMs, now());
  return redirect(flow.returnPath);
}

function refuse(reason: string, message?: string) {
  return ssoErrors.error('login_failed', message, { reason });
}

/** Logs what was not followed. */
export function checkedReturnPath(context: HttpContext, text: string | undefined): string {
  const path = safeReturnPath(text);
  if (text !== undefined && text !== path && path === '/') context.note({ return_path: 'bad_return_path' });
  return path;
}

/** A word of the other side, if it is one, for pages and logs. */
function plainWord(text: string | undefined): string | null {
  return text !== undefined && /^[a-z][a-z0-9_.:-]{0,63}$/.test(text) ? text : null;
}
