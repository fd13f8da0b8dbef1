import { z } from 'zod';

import { readWays } from '../../factors/index.ts';
import type { PagesDeps } from '../deps.ts';
import { csrfField, noFields } from '../fields.ts';
import type { Screen, Screens } from '../screen.ts';

/** `/account/totp`: the secret is shown once, when the enrolment begins; it counts from its first code. */
export function totpScreens(deps: PagesDeps, screens: Screens): Readonly<Record<string, Screen>> {
  const { store, view, operations } = deps;
  const { page, action, perform } = screens;
  const { beginTotp, confirmTotp, removeTotp } = operations.credentials;
  const who = { who: 'person', isEnrolment: true, isSensitive: true, back: '/account/totp' } as const;
  return {
    totpPage: page({
      ...who,
      path: '/account/totp',
      show: (request, { account }) =>
        view.show(request, 'totp', { isEnrolled: readWays(store.reader, account.id).hasTotp, begun: null }),
    }),
    totpBegin: action({
      ...who,
      path: '/account/totp',
      fields: noFields,
      async run(request, visitor) {
        const { secret, otpauth_url: url, qr_svg: qr } = await perform(beginTotp, {}, request, visitor);
        const groups = secret.replace(/(?<=.)(?=(?:.{4})+$)/g, ' ');
        return view.show(request, 'totp', { isEnrolled: false, begun: { secret: groups, url, qr } });
      },
    }),
    totpConfirm: action({
      ...who,
      path: '/account/totp/confirm',
      fields: z.strictObject({ csrf: csrfField, code: z.string() }),
      async run(request, visitor) {
        await perform(confirmTotp, { code: request.body.code.replaceAll(' ', '') }, request, visitor);
        return '/account';
      },
    }),
    totpRemove: action({
      ...who,
      isEnrolment: false,
      path: '/account/totp/remove',
      fields: noFields,
      async run(request, visitor) {
        await perform(removeTotp, {}, request, visitor);
        return '/account';
      },
    }),
  };
}
