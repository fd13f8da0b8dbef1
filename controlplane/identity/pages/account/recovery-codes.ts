import type { PagesDeps } from '../deps.ts';
import { noFields } from '../fields.ts';
import type { Screen, Screens } from '../screen.ts';

/** `/account/recovery-codes`: ten codes, shown once. */
export function recoveryScreens(deps: PagesDeps, screens: Screens): Readonly<Record<string, Screen>> {
  const { store, recovery, view, operations } = deps;
  const { page, action, perform } = screens;
  const who = { who: 'person', isSensitive: true, path: '/account/recovery-codes' } as const;
  return {
    recoveryPage: page({
      ...who,
      show: (request, { account }) =>
        view.show(request, 'recovery-codes', { left: recovery.left(store.reader, account.id), codes: null }),
    }),
    recoveryMake: action({
      ...who,
      back: who.path,
      fields: noFields,
      async run(request, visitor) {
        const { codes } = await perform(operations.credentials.createRecoveryCodes, {}, request, visitor);
        return view.show(request, 'recovery-codes', { left: codes.length, codes });
      },
    }),
  };
}
