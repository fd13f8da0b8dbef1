import { z } from 'zod';

import { localPath } from '../../browser/index.ts';
import { refusal } from '../../errors.ts';
import type { PagesDeps } from '../deps.ts';
import { csrfField, returnField } from '../fields.ts';
import type { Screen, Screens } from '../screen.ts';

/** `/account/password`, where also those come who have to change it before anything else. */
export function passwordScreens(deps: PagesDeps, screens: Screens): Readonly<Record<string, Screen>> {
  const { view, inForce, operations } = deps;
  const { page, action, perform } = screens;
  const who = { who: 'person', isEnrolment: true, isSensitive: true, path: '/account/password' } as const;
  return {
    passwordPage: page({
      ...who,
      query: z.strictObject({ return: returnField }),
      show: (request, { account: { mustChange } }) => {
        const { minLength } = inForce().passwordRules;
        return view.show(request, 'password', { mustChange, minLength, to: localPath(request.query.return) });
      },
    }),
    password: action({
      ...who,
      back: '/account/password',
      fields: z.strictObject({ csrf: csrfField, return: returnField, password: z.string(), again: z.string() }),
      async run(request, visitor) {
        const { password, again } = request.body;
        if (password !== again) throw refusal('invalid_argument', 'bad_value', { message: 'the two passwords differ' });
        await perform(operations.credentials.setPassword, { new: password }, request, visitor);
        return localPath(request.body.return);
      },
    }),
  };
}
