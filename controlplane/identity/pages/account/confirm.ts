import { z } from 'zod';

import { SystemError } from '../../../../mcdsl/errors/index.ts';
import { formBody, json, redirect, route } from '../../../../mcdsl/http/index.ts';
import type { HttpAnswer, HttpContext } from '../../../../mcdsl/http/index.ts';
import { localPath, type Visitor } from '../../browser/index.ts';
import { refusalOf } from '../../errors.ts';
import { readWays } from '../../factors/index.ts';
import type { CodeProof } from '../../login/index.ts';
import type { PagesDeps } from '../deps.ts';
import { csrfField, parseResponse, returnField } from '../fields.ts';
import { statusOf } from '../login.ts';
import type { Screen, Screens } from '../screen.ts';

/** `/account/confirm`: a new proof of who is logged in already, before something sensitive. The session's id changes with it. */
export function confirmScreens(deps: PagesDeps, { page, sender }: Screens): Readonly<Record<string, Screen>> {
  const { store, stepUp, browsers, view, refusals } = deps;

  function form(context: HttpContext, { account }: Visitor, to: string, refused: SystemError | null): HttpAnswer {
    const ways = readWays(store.reader, account.id);
    return view.show(context, 'confirm', { to, ways, alarm: refused?.message ?? '' }, statusOf(refused));
  }

  return {
    confirmPage: page({
      who: 'person',
      isEnrolment: true,
      path: '/account/confirm',
      query: z.strictObject({ return: returnField }),
      show: (request, visitor) => form(request, visitor, localPath(request.query.return), null),
    }),
    confirm: {
      rule: 'public',
      route: route({
        method: 'POST',
        path: '/account/confirm',
        page: true,
        body: formBody(
          z.strictObject({
            csrf: csrfField,
            return: returnField,
            password: z.string(),
            totp_code: z.string().default(''),
            recovery_code: z.string().default(''),
          }),
        ),
        async answer(request) {
          const { csrf, password, totp_code: totp, recovery_code: recovery } = request.body;
          const visitor = sender(request, csrf);
          const to = localPath(request.body.return);
          const code: CodeProof | null =
            recovery !== '' ? { kind: 'recovery', code: recovery } : totp !== '' ? { kind: 'totp', code: totp } : null;
          try {
            const proof = stepUp.password(visitor.session, password, code, browsers.origin(request));
            browsers.stepUp(request, visitor, await proof);
          } catch (error) {
            if (!(error instanceof SystemError) || error.http >= 500) throw error;
            request.note({ refused: refusalOf(error)?.reason ?? error.code });
            refusals.error(error);
            return form(request, visitor, to, error);
          }
          return redirect(to);
        },
      }),
    },
    confirmPasskeyOptions: {
      rule: 'public',
      route: route({
        method: 'POST',
        path: '/account/confirm/passkey/options',
        body: formBody(z.looseObject({ csrf: csrfField })),
        answer(request) {
          const { ticket, publicKey } = stepUp.beginPasskey(sender(request, request.body.csrf).session);
          return json(200, { ticket, public_key: publicKey });
        },
      }),
    },
    confirmPasskey: {
      rule: 'public',
      route: route({
        method: 'POST',
        path: '/account/confirm/passkey',
        page: true,
        body: formBody(
          z.strictObject({ csrf: csrfField, return: returnField, ticket: z.string(), response: z.string() }),
        ),
        async answer(request) {
          const { csrf, ticket, response } = request.body;
          const visitor = sender(request, csrf);
          const to = localPath(request.body.return);
          const proof = { kind: 'passkey', ticket, response: parseResponse(response) } as const;
          try {
            browsers.stepUp(request, visitor, await stepUp.passkey(visitor.session, proof, browsers.origin(request)));
          } catch (error) {
            if (!(error instanceof SystemError) || error.http >= 500) throw error;
            request.note({ refused: refusalOf(error)?.reason ?? error.code });
            refusals.error(error);
            return form(request, visitor, to, error);
          }
          return redirect(to);
        },
      }),
    },
  };
}
