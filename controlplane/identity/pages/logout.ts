import { z } from 'zod';

import { formBody, redirect, route } from '../../../mcdsl/http/index.ts';
import type { PagesDeps } from './deps.ts';
import { csrfField } from './fields.ts';
import type { Screen } from './screen.ts';

/** `/logout`: a question, and a form that ends the session here, or all of them. */
export function logoutScreens({ browsers, view }: PagesDeps): Readonly<Record<string, Screen>> {
  return {
    logoutPage: {
      rule: 'public',
      route: route({
        method: 'GET',
        path: '/logout',
        page: true,
        answer: (request) => (browsers.visitor(request) === null ? redirect('/login') : view.show(request, 'logout')),
      }),
    },
    logout: {
      rule: 'public',
      route: route({
        method: 'POST',
        path: '/logout',
        page: true,
        body: formBody(z.strictObject({ csrf: csrfField, everywhere: z.literal('yes').optional() })),
        answer(request) {
          const visitor = browsers.visitor(request);
          if (visitor === null) return redirect('/login');
          browsers.checkForm(request, visitor, request.body.csrf);
          browsers.end(request, visitor, request.body.everywhere === 'yes');
          return view.show(request, 'logged-out');
        },
      }),
    },
  };
}
