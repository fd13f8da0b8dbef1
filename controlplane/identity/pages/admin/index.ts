import { redirect, route } from '../../../../mcdsl/http/index.ts';
import type { PagesDeps } from '../deps.ts';
import type { Screen, Screens } from '../screen.ts';
import { accountAdminScreens } from './accounts.ts';
import { policyScreens } from './policy.ts';
import { readingScreens } from './reading.ts';
import { tokenScreens } from './tokens.ts';

/** `/admin`: what admins do for others. */
export function adminScreens(deps: PagesDeps, screens: Screens): Readonly<Record<string, Screen>>[] {
  const admin: Screen = {
    rule: 'public',
    route: route({ method: 'GET', path: '/admin', page: true, answer: () => redirect('/admin/accounts') }),
  };
  return [
    { admin },
    accountAdminScreens(deps, screens),
    tokenScreens(deps, screens),
    policyScreens(deps, screens),
    readingScreens(deps, screens),
  ];
}
