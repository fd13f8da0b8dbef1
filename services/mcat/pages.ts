import { z } from 'zod';

import { authErrors, principalOf, role } from '../../mcdsl/auth/index.ts';
import type { Csrf } from '../../mcdsl/csrf/index.ts';
import { SystemError } from '../../mcdsl/errors/index.ts';
import { defineApi, formBody, html, route, type Api, type HttpContext } from '../../mcdsl/http/index.ts';
import type { Sso } from '../../mcdsl/sso/index.ts';
import type { Templates } from '../../mcdsl/web/index.ts';
import type { Preset } from './config.ts';
import { splitTags } from './context.ts';
import type { PresetRow, Tester, Way } from './tester.ts';
import { because, type Verdict } from './verdict.ts';

export type PagesDeps = {
  readonly tester: Tester;
  readonly sso: Sso;
  readonly csrf: Csrf;
  readonly templates: Templates;
  readonly presets: () => readonly Preset[];
};

const context = {
  csrf: z.string().optional(),
  service_name: z.string().max(64).default(''),
  tags: z.string().max(2048).default(''),
  presets: z.literal('on').optional(),
};
const loginFields = z.strictObject({
  ...context,
  username: z.string().max(256),
  password: z.string().max(4096),
  totp_code: z.string().max(64).default(''),
});
const whatIfFields = z.strictObject({ ...context, account: z.string().max(64) });

/** What a form shows again. A password and a code are never among it. */
type Shown = { readonly who: string; readonly serviceName: string; readonly tags: string; readonly presets: boolean };

type Outcome = {
  readonly verdict: Verdict | null;
  readonly rows: readonly PresetRow[];
  /** null: nobody logged in, an admin asked. */
  readonly way: Way | null;
};

const blank: Shown = { who: '', serviceName: '', tags: '', presets: false };
const admin = role('admin');

/** `/`, the login that is tried, and `/what-if`, the question that an admin may ask without a password. */
export function mcatPages({ tester, sso, csrf, templates, presets }: PagesDeps): Api {
  const loginPage = (request: HttpContext, status: number, shown: Shown, outcome: Outcome | null, alarm = '') =>
    page(request, 'login', csrf.preToken(request), { status, shown, outcome, alarm });
  const whatIfPage = (request: HttpContext, status: number, shown: Shown, outcome: Outcome | null, alarm = '') =>
    page(request, 'what-if', sso.formToken(request), { status, shown, outcome, alarm });

  function page(
    request: HttpContext,
    name: 'login' | 'what-if',
    token: string,
    { status, shown, outcome, alarm }: { status: number; shown: Shown; outcome: Outcome | null; alarm: string },
  ) {
    if (outcome?.verdict) request.note({ accepted: outcome.verdict.accepted, reason: outcome.verdict.reason });
    const labels = presets().map(({ label }) => label);
    const data = { ...shown, csrf: token, labels, outcome, alarm, because };
    return html(status, templates.render(name, data));
  }

  const home = route({
    method: 'GET',
    path: '/',
    page: true,
    answer: (request) => loginPage(request, 200, blank, null),
  });

  const tryLogin = route({
    method: 'POST',
    path: '/',
    page: true,
    body: formBody(loginFields, 16_384),
    async answer(request) {
      const { csrf: given, username, password, totp_code: totpCode, ...rest } = request.body;
      csrf.checkPre(request, given);
      const shown = shownOf(username, rest);
      const credentials = { username, password, totpCode, clientAddress: request.clientAddress };
      try {
        const { attempt, rows } = shown.presets
          ? await tester.attemptPresets(credentials)
          : { attempt: await tester.attempt(credentials, contextOf(shown)), rows: [] };
        const outcome = { verdict: shown.presets ? null : attempt.verdict, rows, way: attempt.way };
        const { retryAfterSeconds } = attempt;
        if (retryAfterSeconds === null) return loginPage(request, 200, shown, outcome);
        // mcias's limit is this form's too: whoever sends it in a loop is told as by mcias itself.
        const answer = loginPage(request, 429, shown, outcome);
        return { ...answer, headers: { ...answer.headers, 'retry-after': String(retryAfterSeconds) } };
      } catch (error) {
        return loginPage(request, 400, shown, null, mistakeOf(error));
      }
    },
  });

  const whatIf = route({
    method: 'GET',
    path: '/what-if',
    page: true,
    answer: (request) => whatIfPage(request, 200, blank, null),
  });

  const askWhatIf = route({
    method: 'POST',
    path: '/what-if',
    page: true,
    body: formBody(whatIfFields),
    async answer(request) {
      const { csrf: given, account, ...rest } = request.body;
      sso.checkForm(request, given);
      const shown = shownOf(account, rest);
      request.note({ account: principalOf(request).name, target: account });
      try {
        const outcome = shown.presets
          ? { verdict: null, rows: await tester.explainPresets(account), way: null }
          : { verdict: await tester.explain(account, contextOf(shown)), rows: [], way: null };
        return whatIfPage(request, 200, shown, outcome);
      } catch (error) {
        if (authErrors.is(error, 'permission_denied') || authErrors.is(error, 'invalid_token')) {
          const message = "mcias lets only accounts of its policy.explain_accounts ask, and mcat's own is none of them";
          return whatIfPage(request, 503, shown, null, message);
        }
        return whatIfPage(request, 400, shown, null, mistakeOf(error));
      }
    },
  });

  return defineApi({
    routes: { home, tryLogin, whatIf, askWhatIf },
    authorization: {
      home: 'public',
      tryLogin: 'public',
      whatIf: sso.signedIn(admin),
      askWhatIf: sso.signedIn(admin),
    },
  });
}

type ContextFields = {
  readonly service_name: string;
  readonly tags: string;
  readonly presets?: 'on' | undefined;
};

function shownOf(who: string, { service_name: serviceName, tags, presets }: ContextFields): Shown {
  return { who, serviceName, tags, presets: presets === 'on' };
}

function contextOf({ serviceName, tags }: Shown) {
  return { serviceName, tags: splitTags(tags) };
}

/** What the person who filled the form in can put right. @throws anything else */
function mistakeOf(error: unknown): string {
  const isMistake = authErrors.is(error, 'invalid_argument') || authErrors.is(error, 'not_found');
  if (error instanceof SystemError && isMistake) return error.message;
  throw error;
}
