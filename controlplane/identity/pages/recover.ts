import { z } from 'zod';

import { SystemError } from '../../../mcdsl/errors/index.ts';
import { formBody, route } from '../../../mcdsl/http/index.ts';
import type { HttpAnswer, HttpContext } from '../../../mcdsl/http/index.ts';
import { refusal, refusalOf } from '../errors.ts';
import type { PagesDeps } from './deps.ts';
import { csrfField } from './fields.ts';
import { checkLoginForm, statusOf } from './login.ts';
import { requireHttps, type Screen, type Screens } from './screen.ts';

const fields = z.strictObject({
  csrf: csrfField,
  ticket: z.string().max(200),
  password: z.string(),
  again: z.string(),
});

/** `/recover`: a new password for who has a reset ticket of an admin. The ticket is typed, so it needs no script and no link. */
export function recoverScreens(deps: PagesDeps, { perform }: Screens): Readonly<Record<string, Screen>> {
  const { view, operations, refusals } = deps;

  function form(context: HttpContext, refused: SystemError | null): HttpAnswer {
    return view.show(context, 'recover', { alarm: refused?.message ?? '' }, statusOf(refused));
  }

  async function reset(context: HttpContext, { ticket, password, again }: z.output<typeof fields>): Promise<void> {
    if (password !== again) throw refusal('invalid_argument', 'bad_value', { message: 'the two passwords differ' });
    await perform(operations.credentials.recover, { ticket: ticket.trim(), new_password: password }, context, null);
  }

  return {
    recoverForm: {
      rule: 'public',
      route: route({
        method: 'GET',
        path: '/recover',
        page: true,
        answer(request) {
          requireHttps(request);
          return form(request, null);
        },
      }),
    },
    recover: {
      rule: 'public',
      route: route({
        method: 'POST',
        path: '/recover',
        page: true,
        body: formBody(fields),
        async answer(request) {
          checkLoginForm(deps, request, request.body.csrf);
          try {
            await reset(request, request.body);
            return view.show(request, 'recovered');
          } catch (error) {
            if (!(error instanceof SystemError) || error.http >= 500) throw error;
            request.note({ refused: refusalOf(error)?.reason ?? error.code });
            refusals.error(error);
            return form(request, error);
          }
        },
      }),
    },
  };
}
