import { z } from 'zod';

import { localPath } from '../../browser/index.ts';
import { readWays } from '../../factors/index.ts';
import type { PagesDeps } from '../deps.ts';
import { csrfField, returnField } from '../fields.ts';
import type { Screen, Screens } from '../screen.ts';

/** `/account`, and the page of an admin who has to enrol a second factor first. */
export function profileScreens(deps: PagesDeps, screens: Screens): Readonly<Record<string, Screen>> {
  const { store, view, inForce, operations } = deps;
  const { page, action, perform } = screens;
  const { updateProfile } = operations.credentials;
  const hasPasskeys = (): boolean => inForce().settings.passkeys !== null;
  return {
    ownAccount: page({
      who: 'person',
      path: '/account',
      show: (request, { account }) => {
        const ways = readWays(store.reader, account.id);
        return view.show(request, 'account', { account, ways, hasPasskeys: hasPasskeys() });
      },
    }),
    profile: action({
      who: 'person',
      path: '/account',
      back: '/account',
      fields: z.strictObject({ csrf: csrfField, display_name: z.string() }),
      async run(request, visitor) {
        await perform(updateProfile, { display_name: request.body.display_name }, request, visitor);
        return '/account';
      },
    }),
    enrol: page({
      who: 'person',
      isEnrolment: true,
      path: '/account/enrol',
      query: z.strictObject({ return: returnField }),
      show: (request) =>
        view.show(request, 'enrol', { to: localPath(request.query.return), hasPasskeys: hasPasskeys() }),
    }),
  };
}
