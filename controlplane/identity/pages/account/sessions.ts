import { z } from 'zod';

import type { PagesDeps } from '../deps.ts';
import { noFields } from '../fields.ts';
import type { Screen, Screens } from '../screen.ts';

/** `/account/sessions`: where somebody is logged in, with an end for each. */
export function ownSessionScreens(deps: PagesDeps, screens: Screens): Readonly<Record<string, Screen>> {
  const { view, operations } = deps;
  const { page, action, perform } = screens;
  const { list, revoke } = operations.sessions;
  const back = '/account/sessions';
  return {
    sessionsPage: page({
      who: 'person',
      path: back,
      async show(request, visitor) {
        const { sessions } = await perform(list, { account: visitor.account.name }, request, visitor);
        return view.show(request, 'sessions', { sessions, action: '/account/sessions', isAll: false });
      },
    }),
    sessionEnd: action({
      who: 'person',
      path: '/account/sessions/:sid/end',
      back,
      params: z.strictObject({ sid: z.string() }),
      fields: noFields,
      async run(request, visitor) {
        await perform(revoke, { session_id: request.params.sid }, request, visitor);
        return back;
      },
    }),
  };
}
