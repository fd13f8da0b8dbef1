import { z } from 'zod';

import { SystemError } from '../../../mcdsl/errors/index.ts';
import { formBody, json, route } from '../../../mcdsl/http/index.ts';
import type { HttpAnswer, HttpContext } from '../../../mcdsl/http/index.ts';
import { localPath } from '../browser/index.ts';
import { identityErrors, refusalOf } from '../errors.ts';
import { readWays } from '../factors/index.ts';
import type { CodeProof, SecondFactorMissing, Verified } from '../login/index.ts';
import type { PagesDeps } from './deps.ts';
import { csrfField, parseResponse, returnField } from './fields.ts';
import { requireHttps, type Screen } from './screen.ts';

const returnQuery = z.strictObject({ return: returnField });
const waiting = z.object({ to: z.string() });

/** Refusals that are shown on the form itself, so that the person can try again. */
const shownAgain = ['invalid_credentials', 'account_locked', 'rate_limited', 'busy', 'invalid_argument'] as const;

/**
 * `/login`, `/login/mfa` and the passkey variants of both. A form's answer is a page that moves on by itself (IA-51): Chrome applies
 * `form-action` to every redirect that follows a form.
 */
export function loginScreens(deps: PagesDeps): Readonly<Record<string, Screen>> {
  const { store, login, browsers, view, refusals } = deps;

  function form(context: HttpContext, to: string, username: string, refused: SystemError | null): HttpAnswer {
    const data = { to, username, alarm: refused?.message ?? '' };
    return view.show(context, 'login', data, statusOf(refused));
  }

  function mfaForm(
    context: HttpContext,
    ticket: string,
    methods: readonly string[],
    refused: SystemError | null,
  ): HttpAnswer {
    const data = { ticket, methods: methods.filter(isMethod), alarm: refused?.message ?? '' };
    return view.show(context, 'login-mfa', data, statusOf(refused));
  }

  function enter(context: HttpContext, verified: Verified, to: string, isRecovery: boolean): HttpAnswer {
    const visitor = browsers.begin(context, verified);
    const { recoveryCodesLeft } = readWays(store.reader, visitor.account.id);
    return view.show(context, 'moved', { to, recoveryCodesLeft: isRecovery ? recoveryCodesLeft : null });
  }

  function askForSecondFactor(context: HttpContext, { account, methods }: SecondFactorMissing, to: string): HttpAnswer {
    const { ticket } = store.change((writer) => login.wait(writer, account, { to } satisfies z.output<typeof waiting>));
    return mfaForm(context, ticket, methods, null);
  }

  /** What may be tried again comes back as the form; the rest is an error. */
  async function orAgain(work: Promise<HttpAnswer>, context: HttpContext, again: (refused: SystemError) => HttpAnswer) {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof SystemError) || !shownAgain.some((code) => code === error.code)) throw error;
      context.note({ refused: refusalOf(error)?.reason ?? error.code });
      refusals.error(error);
      return again(error);
    }
  }

  async function second(
    context: HttpContext,
    ticket: string,
    proof: Parameters<typeof login.secondFactor>[1],
  ): Promise<HttpAnswer> {
    const resumed = await login.secondFactor(ticket, proof, browsers.origin(context));
    const { to } = waiting.parse(resumed.login);
    return enter(context, resumed, to, proof.kind === 'recovery');
  }

  const again = (context: HttpContext, ticket: string, methods: string) => (refused: SystemError) =>
    refusalOf(refused)?.reason === 'ticket_invalid'
      ? form(context, '/account', '', tookTooLong)
      : mfaForm(context, ticket, methods.split(' '), refused);

  return {
    login: {
      rule: 'public',
      route: route({
        method: 'GET',
        path: '/login',
        page: true,
        query: returnQuery,
        answer(request) {
          requireHttps(request);
          return form(request, localPath(request.query.return), '', null);
        },
      }),
    },
    loginSubmit: {
      rule: 'public',
      route: route({
        method: 'POST',
        path: '/login',
        page: true,
        body: formBody(
          z.strictObject({ csrf: csrfField, return: returnField, username: z.string(), password: z.string() }),
        ),
        answer(request) {
          requireHttps(request);
          const { csrf, username, password } = request.body;
          checkLoginForm(deps, request, csrf);
          const to = localPath(request.body.return);
          const attempt = async (): Promise<HttpAnswer> => {
            const answer = await login.password({ username, password, secondFactor: null }, browsers.origin(request));
            return answer.kind === 'verified'
              ? enter(request, answer, to, false)
              : askForSecondFactor(request, answer, to);
          };
          return orAgain(attempt(), request, (refused) => form(request, to, username, refused));
        },
      }),
    },
    loginMfa: {
      rule: 'public',
      route: route({
        method: 'POST',
        path: '/login/mfa',
        page: true,
        body: formBody(
          z.strictObject({
            csrf: csrfField,
            ticket: z.string(),
            methods: z.string().max(100),
            totp_code: z.string().optional(),
            recovery_code: z.string().optional(),
          }),
        ),
        answer(request) {
          const { csrf, ticket, methods, totp_code: totp = '', recovery_code: recovery = '' } = request.body;
          checkLoginForm(deps, request, csrf);
          const proof: CodeProof =
            recovery === '' ? { kind: 'totp', code: totp } : { kind: 'recovery', code: recovery };
          return orAgain(second(request, ticket, proof), request, again(request, ticket, methods));
        },
      }),
    },
    loginMfaPasskeyOptions: {
      rule: 'public',
      route: route({
        method: 'POST',
        path: '/login/mfa/passkey/options',
        body: formBody(z.looseObject({ csrf: csrfField, ticket: z.string() })),
        answer(request) {
          checkLoginForm(deps, request, request.body.csrf);
          return json(200, { ticket: request.body.ticket, public_key: login.beginSecondPasskey(request.body.ticket) });
        },
      }),
    },
    loginMfaPasskey: {
      rule: 'public',
      route: route({
        method: 'POST',
        path: '/login/mfa/passkey',
        page: true,
        body: formBody(
          z.strictObject({ csrf: csrfField, ticket: z.string(), methods: z.string().max(100), response: z.string() }),
        ),
        answer(request) {
          const { csrf, ticket, methods, response } = request.body;
          checkLoginForm(deps, request, csrf);
          const proof = { kind: 'passkey', ticket: null, response: parseResponse(response) } as const;
          return orAgain(second(request, ticket, proof), request, again(request, ticket, methods));
        },
      }),
    },
    loginPasskeyOptions: {
      rule: 'public',
      route: route({
        method: 'POST',
        path: '/login/passkey/options',
        body: formBody(z.looseObject({ csrf: csrfField })),
        answer(request) {
          checkLoginForm(deps, request, request.body.csrf);
          const { ticket, publicKey } = login.beginPasskey(browsers.origin(request));
          return json(200, { ticket, public_key: publicKey });
        },
      }),
    },
    loginPasskey: {
      rule: 'public',
      route: route({
        method: 'POST',
        path: '/login/passkey',
        page: true,
        body: formBody(
          z.strictObject({ csrf: csrfField, return: returnField, ticket: z.string(), response: z.string() }),
        ),
        answer(request) {
          const { csrf, ticket, response } = request.body;
          checkLoginForm(deps, request, csrf);
          const to = localPath(request.body.return);
          const attempt = async (): Promise<HttpAnswer> => {
            const proof = { kind: 'passkey', ticket, response: parseResponse(response) } as const;
            return enter(request, await login.passkey(proof, browsers.origin(request)), to, false);
          };
          return orAgain(attempt(), request, (refused) => form(request, to, '', refused));
        },
      }),
    },
  };
}

/** The login form is also shown to somebody who is logged in, bound to that session then. */
export function checkLoginForm({ browsers }: PagesDeps, context: HttpContext, given: string | undefined): void {
  const visitor = browsers.visitor(context);
  if (visitor === null) browsers.checkPre(context, given);
  else browsers.checkForm(context, visitor, given);
}

const tookTooLong = identityErrors.error('invalid_credentials', 'this login took too long; begin again');

function isMethod(text: string): boolean {
  return ['totp', 'passkey', 'recovery_code'].includes(text);
}

export function statusOf(refused: SystemError | null) {
  return refused === null ? {} : { status: refused.http, retryAfterSeconds: refused.retryAfterSeconds };
}
