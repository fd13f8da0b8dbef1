import { z } from 'zod';

import { formBody, json, route } from '../../../../mcdsl/http/index.ts';
import { listPasskeys } from '../../factors/index.ts';
import type { PagesDeps } from '../deps.ts';
import { csrfField, noFields, parseResponse } from '../fields.ts';
import type { Screen, Screens } from '../screen.ts';

const idParams = z.strictObject({ id: z.string() });

/** `/account/passkeys`. Making one needs the page's script; listing, renaming and removing do not. */
export function passkeyScreens(deps: PagesDeps, screens: Screens): Readonly<Record<string, Screen>> {
  const { store, view, inForce, operations } = deps;
  const { page, action, perform, sender } = screens;
  const { beginPasskey, addPasskey, renamePasskey, removePasskey } = operations.credentials;
  const back = '/account/passkeys';
  const making = { who: 'person', isEnrolment: true, isSensitive: true } as const;
  const changing = { who: 'person', isSensitive: true } as const;
  return {
    passkeysPage: page({
      ...making,
      path: back,
      show: (request, { account }) =>
        view.show(request, 'passkeys', {
          passkeys: listPasskeys(store.reader, account.id),
          isOff: inForce().settings.passkeys === null,
        }),
    }),
    passkeyOptions: {
      rule: screens.script(making),
      route: route({
        method: 'POST',
        path: '/account/passkeys/options',
        body: formBody(z.looseObject({ csrf: csrfField })),
        answer: async (request) =>
          json(200, await perform(beginPasskey, {}, request, sender(request, request.body.csrf))),
      }),
    },
    passkeyAdd: action({
      ...making,
      path: back,
      back,
      fields: z.strictObject({ csrf: csrfField, name: z.string(), ticket: z.string(), response: z.string() }),
      async run(request, visitor) {
        const { name, ticket, response } = request.body;
        await perform(addPasskey, { name, ticket, response: parseResponse(response) }, request, visitor);
        return back;
      },
    }),
    passkeyRename: action({
      ...changing,
      path: '/account/passkeys/:id/rename',
      back,
      params: idParams,
      fields: z.strictObject({ csrf: csrfField, name: z.string() }),
      async run(request, visitor) {
        await perform(renamePasskey, { id: request.params.id, name: request.body.name }, request, visitor);
        return back;
      },
    }),
    passkeyRemove: action({
      ...changing,
      path: '/account/passkeys/:id/remove',
      back,
      params: idParams,
      fields: noFields,
      async run(request, visitor) {
        await perform(removePasskey, { id: request.params.id }, request, visitor);
        return back;
      },
    }),
  };
}
