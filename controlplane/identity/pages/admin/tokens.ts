import { z } from 'zod';

import type { PagesDeps } from '../deps.ts';
import { csrfField, noFields, words } from '../fields.ts';
import type { Screen, Screens } from '../screen.ts';

/** `/admin/tokens` and `/admin/sessions`: what is in force, with an end for each, and tokens for services. */
export function tokenScreens(deps: PagesDeps, screens: Screens): Readonly<Record<string, Screen>> {
  const { view, operations } = deps;
  const { page, action, perform } = screens;
  const { tokens, sessions } = operations;
  const pageQuery = z.strictObject({ cursor: z.string().optional(), account: z.string().optional() });
  return {
    tokens: page({
      who: 'admin',
      path: '/admin/tokens',
      query: pageQuery,
      async show(request, visitor) {
        const found = await perform(tokens.list, filled(request.query), request, visitor);
        return view.show(request, 'admin-tokens', { ...found, issued: null });
      },
    }),
    tokenIssue: action({
      who: 'admin',
      isSensitive: true,
      path: '/admin/tokens',
      back: '/admin/tokens',
      fields: z.strictObject({
        csrf: csrfField,
        account: z.string(),
        label: z.string(),
        ttl: z.string(),
        audience: z.string(),
      }),
      async run(request, visitor) {
        const { account, label, ttl, audience } = request.body;
        const input = { account, label, ...filled({ ttl }), audience: words(audience) };
        const issued = await perform(tokens.issue, input, request, visitor);
        const found = await perform(tokens.list, { account }, request, visitor);
        return view.show(request, 'admin-tokens', { ...found, issued });
      },
    }),
    tokenRevoke: action({
      who: 'admin',
      isSensitive: true,
      path: '/admin/tokens/:id/revoke',
      back: '/admin/tokens',
      params: z.strictObject({ id: z.string() }),
      fields: noFields,
      async run(request, visitor) {
        await perform(tokens.revoke, { token_id: request.params.id }, request, visitor);
        return '/admin/tokens';
      },
    }),
    allSessions: page({
      who: 'admin',
      path: '/admin/sessions',
      query: pageQuery,
      async show(request, visitor) {
        const found = await perform(sessions.list, filled(request.query), request, visitor);
        return view.show(request, 'sessions', { ...found, action: '/admin/sessions', isAll: true });
      },
    }),
    anySessionEnd: action({
      who: 'admin',
      path: '/admin/sessions/:sid/end',
      back: '/admin/sessions',
      params: z.strictObject({ sid: z.string() }),
      fields: noFields,
      async run(request, visitor) {
        await perform(sessions.revoke, { session_id: request.params.sid }, request, visitor);
        return '/admin/sessions';
      },
    }),
  };
}

/** Without the fields that were left empty. */
export function filled(fields: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept = Object.entries(fields).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '',
  );
  return Object.fromEntries(kept);
}
