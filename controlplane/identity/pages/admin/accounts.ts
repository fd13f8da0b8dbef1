import { z } from 'zod';

import { requireAccount } from '../../accounts/index.ts';
import type { Operation } from '../../api/index.ts';
import type { HttpContext } from '../../../../mcdsl/http/index.ts';
import type { Visitor } from '../../browser/index.ts';
import type { PagesDeps } from '../deps.ts';
import { csrfField, noFields, words } from '../fields.ts';
import type { Screen, Screens } from '../screen.ts';

const nameParams = z.strictObject({ name: z.string() });
const revisionFields = z.strictObject({ csrf: csrfField, revision: z.string() });

/** `/admin/accounts`, and the page of each account. */
export function accountAdminScreens(deps: PagesDeps, screens: Screens): Readonly<Record<string, Screen>> {
  const { store, view, operations } = deps;
  const { page, action, perform } = screens;
  const { accounts, credentials } = operations;
  const who = { who: 'admin' } as const;
  const changing = { who: 'admin', isSensitive: true } as const;
  const pathOf = (name: string): string => `/admin/accounts/${name}`;

  async function showAccount(context: HttpContext, visitor: Visitor, name: string, ticket: object | null) {
    const account = requireAccount(store.reader, name);
    const { factors } = await perform(credentials.listFactors, { id: account.id }, context, visitor);
    return view.show(context, 'admin-account', { account, factors, ticket });
  }

  /** A button that needs no more than the account and the revision that was seen. */
  const button = (
    path: 'enable' | 'disable' | 'delete',
    operation: Operation<{ id: string; revision: number }, unknown>,
  ): Screen =>
    action({
      ...changing,
      path: `/admin/accounts/:name/${path}`,
      back: '/admin/accounts',
      params: nameParams,
      fields: revisionFields,
      async run(request, visitor) {
        const { name } = request.params;
        await perform(operation, { id: name, revision: request.body.revision }, request, visitor);
        return path === 'delete' ? '/admin/accounts' : pathOf(name);
      },
    });

  return {
    accounts: page({
      ...who,
      path: '/admin/accounts',
      query: z.strictObject({ cursor: z.string().optional() }),
      async show(request, visitor) {
        const found = await perform(accounts.list, request.query, request, visitor);
        return view.show(request, 'admin-accounts', { ...found, created: null });
      },
    }),
    accountCreate: action({
      ...changing,
      path: '/admin/accounts',
      back: '/admin/accounts',
      fields: z.strictObject({
        csrf: csrfField,
        name: z.string(),
        type: z.enum(['human', 'system']),
        roles: z.string(),
        display_name: z.string(),
        email: z.string(),
        groups: z.string(),
      }),
      async run(request, visitor) {
        const { csrf: _, roles, groups, ...rest } = request.body;
        const input = { ...rest, roles: words(roles), groups: words(groups) };
        const created = await perform(accounts.create, input, request, visitor);
        const found = await perform(accounts.list, {}, request, visitor);
        return view.show(request, 'admin-accounts', { ...found, created });
      },
    }),
    accountPage: page({
      ...who,
      path: '/admin/accounts/:name',
      params: nameParams,
      show: (request, visitor) => showAccount(request, visitor, request.params.name, null),
    }),
    accountUpdate: action({
      ...changing,
      path: '/admin/accounts/:name/profile',
      back: '/admin/accounts',
      params: nameParams,
      fields: z.strictObject({
        csrf: csrfField,
        revision: z.string(),
        name: z.string(),
        display_name: z.string(),
        email: z.string(),
        email_verified: z.literal('yes').optional(),
        groups: z.string(),
      }),
      async run(request, visitor) {
        const { csrf: _, groups, email_verified: verified, name, ...rest } = request.body;
        const input = {
          ...rest,
          ...(name === request.params.name ? {} : { name }),
          id: request.params.name,
          email_verified: verified === 'yes',
          groups: words(groups),
        };
        const { account } = await perform(accounts.update, input, request, visitor);
        return pathOf(account.name);
      },
    }),
    accountRoles: action({
      ...changing,
      path: '/admin/accounts/:name/roles',
      back: '/admin/accounts',
      params: nameParams,
      fields: z.strictObject({ csrf: csrfField, revision: z.string(), roles: z.string() }),
      async run(request, visitor) {
        const { name } = request.params;
        const { revision, roles } = request.body;
        await perform(accounts.putRoles, { id: name, revision, roles: words(roles) }, request, visitor);
        return pathOf(name);
      },
    }),
    accountEnable: button('enable', accounts.enable),
    accountDisable: button('disable', accounts.disable),
    accountDelete: button('delete', accounts.remove),
    accountUnlock: action({
      ...changing,
      path: '/admin/accounts/:name/unlock',
      back: '/admin/accounts',
      params: nameParams,
      fields: noFields,
      async run(request, visitor) {
        await perform(accounts.unlock, { id: request.params.name }, request, visitor);
        return pathOf(request.params.name);
      },
    }),
    accountReset: action({
      ...changing,
      path: '/admin/accounts/:name/reset',
      back: '/admin/accounts',
      params: nameParams,
      fields: noFields,
      async run(request, visitor) {
        const { reset } = await perform(accounts.reset, { id: request.params.name }, request, visitor);
        return showAccount(request, visitor, request.params.name, reset);
      },
    }),
    factorRemove: action({
      ...changing,
      path: '/admin/accounts/:name/factors/:factor/remove',
      back: '/admin/accounts',
      params: z.strictObject({ name: z.string(), factor: z.string() }),
      fields: noFields,
      async run(request, visitor) {
        const { name, factor } = request.params;
        await perform(credentials.removeFactor, { id: name, factor }, request, visitor);
        return pathOf(name);
      },
    }),
  };
}
