import { principalOf } from '../auth/index.ts';
import type { Authenticator, MciasClient, Requirement } from '../auth/index.ts';
import { createCsrf } from '../csrf/index.ts';
import { defineApi, html } from '../http/index.ts';
import type { Api, ErrorPage, HttpContext, HttpRule } from '../http/index.ts';
import type { Logger } from '../logging/index.ts';
import { createSessionCookie } from '../sessions/index.ts';
import { createTemplates, errorTitle } from '../web/index.ts';
import type { SsoDeps } from './deps.ts';
import { flowRoutes } from './flow.ts';
import { formSession, logoutRoute } from './logout.ts';
import { passwordRoutes } from './password-form.ts';
import { createSignedIn } from './signed-in.ts';

export type SsoOptions = {
  readonly mcias: MciasClient;
  readonly authenticator: Authenticator;
  readonly logger: Logger;
  /** `[sso] redirect_uri`; empty: the password form. */
  readonly redirectUri: string;
  /** `[sso] issuer`, or where that is empty `[mcias] server_url`. */
  readonly issuer: string;
  /** The service as browsers see it, `https://host[:port]`. */
  readonly origin: string;
  /** Of the layout: what the service is called, and where its stylesheet is. */
  readonly page: { readonly service: string; readonly stylesheet: string };
  /** ms since the epoch */
  readonly now?: () => number;
};

/** The login of a service's pages. */
export type Sso = {
  /** `/login`, `/sso/redirect`, `/sso/callback`, `/logout`. */
  readonly api: Api;
  /** The rule of a page: who is not logged in is sent to the login and comes back. */
  signedIn(requirement: Requirement): HttpRule;
  /** The hidden value `csrf` of a form on a page behind `signedIn`. */
  formToken(context: HttpContext): string;
  /** For the route that the form is sent to, behind `signedIn` too. @throws csrf_failed */
  checkForm(context: HttpContext, given: string | undefined): void;
  /** For `errorPage` of the server. */
  readonly errorPage: ErrorPage;
};

/** @throws Error when `redirectUri` and `origin` do not belong together */
export function createSso(options: SsoOptions): Sso {
  const { mcias, origin, redirectUri } = options;
  if (redirectUri !== '' && new URL(redirectUri).origin !== origin) {
    throw new Error(`[sso] redirect_uri ${redirectUri} is not at ${origin}, where the service's pages are`);
  }
  const deps: SsoDeps = {
    ...options,
    session: createSessionCookie(mcias.serviceName),
    csrf: createCsrf({ service: mcias.serviceName, origin }),
    templates: createTemplates(new URL('./pages/', import.meta.url), options.page),
    now: options.now ?? Date.now,
  };
  const logout = logoutRoute(deps);
  return {
    api:
      redirectUri === ''
        ? defineApi({
            routes: { ...passwordRoutes(deps), logout },
            authorization: { login: 'public', submit: 'public', logout: 'public' },
          })
        : defineApi({
            routes: { ...flowRoutes(deps), logout },
            authorization: { login: 'public', redirect: 'public', callback: 'public', logout: 'public' },
          }),
    signedIn: createSignedIn(deps),
    formToken: (context) => deps.csrf.token(formSession(principalOf(context))),
    checkForm: (context, given) => deps.csrf.check(context, formSession(principalOf(context)), given),
    errorPage({ status, code, message, details }, { requestId }) {
      const isDenied = code === 'policy_denied' || code === 'permission_denied';
      const data = {
        title: titleOf(status, code),
        message,
        reason: typeof details['reason'] === 'string' ? details['reason'] : code,
        requestId,
        // Asked for by the person, never followed by itself: a denial must not go round in circles.
        otherAccount: isDenied ? (redirectUri === '' ? '/login' : '/sso/redirect?prompt=login') : null,
        loginAgain: code === 'login_failed' || code === 'invalid_grant' || code === 'invalid_token' ? '/login' : null,
      };
      return html(status, deps.templates.render('error', data));
    },
  };
}

function titleOf(status: number, code: string): string {
  return code === 'login_failed' || code === 'invalid_grant' ? 'The login failed' : errorTitle(status, code);
}
