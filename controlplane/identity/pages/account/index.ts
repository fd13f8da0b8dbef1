import type { PagesDeps } from '../deps.ts';
import type { Screen, Screens } from '../screen.ts';
import { confirmScreens } from './confirm.ts';
import { passkeyScreens } from './passkeys.ts';
import { passwordScreens } from './password.ts';
import { profileScreens } from './profile.ts';
import { recoveryScreens } from './recovery-codes.ts';
import { ownSessionScreens } from './sessions.ts';
import { totpScreens } from './totp.ts';

/** `/account`: what people do for themselves. */
export function accountScreens(deps: PagesDeps, screens: Screens): Readonly<Record<string, Screen>>[] {
  return [
    profileScreens(deps, screens),
    confirmScreens(deps, screens),
    passwordScreens(deps, screens),
    totpScreens(deps, screens),
    passkeyScreens(deps, screens),
    recoveryScreens(deps, screens),
    ownSessionScreens(deps, screens),
  ];
}
