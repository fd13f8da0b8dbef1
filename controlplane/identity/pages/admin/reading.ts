import { z } from 'zod';

import type { PagesDeps } from '../deps.ts';
import { noFields } from '../fields.ts';
import type { Screen, Screens } from '../screen.ts';
import { filled } from './tokens.ts';

/** `/admin/clients`, `/admin/keys`, `/admin/audit`. */
export function readingScreens(deps: PagesDeps, screens: Screens): Readonly<Record<string, Screen>> {
  const { view, operations } = deps;
  const { page, action, perform } = screens;
  const { keys, audit, sso } = operations;
  return {
    clients: page({
      who: 'admin',
      path: '/admin/clients',
      show: async (request, visitor) =>
        view.show(request, 'admin-clients', await perform(sso.listClients, {}, request, visitor)),
    }),
    keys: page({
      who: 'admin',
      path: '/admin/keys',
      show: async (request, visitor) =>
        view.show(request, 'admin-keys', await perform(keys.list, {}, request, visitor)),
    }),
    keysRotate: action({
      who: 'admin',
      isSensitive: true,
      path: '/admin/keys/rotate',
      back: '/admin/keys',
      fields: noFields,
      async run(request, visitor) {
        await perform(keys.rotate, {}, request, visitor);
        return '/admin/keys';
      },
    }),
    keyRevoke: action({
      who: 'admin',
      isSensitive: true,
      path: '/admin/keys/:kid/revoke',
      back: '/admin/keys',
      params: z.strictObject({ kid: z.string() }),
      fields: noFields,
      async run(request, visitor) {
        await perform(keys.revoke, { kid: request.params.kid }, request, visitor);
        return '/admin/keys';
      },
    }),
    audit: page({
      who: 'admin',
      path: '/admin/audit',
      query: z.strictObject({
        account: z.string().optional(),
        event: z.string().optional(),
        cursor: z.string().optional(),
      }),
      async show(request, visitor) {
        const found = await perform(audit.list, filled(request.query), request, visitor);
        return view.show(request, 'admin-audit', { ...found, filter: request.query });
      },
    }),
  };
}
