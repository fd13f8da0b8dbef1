import type { ErrorPage } from '../../../mcdsl/http/index.ts';
import type { Browsers } from '../browser/index.ts';
import type { View } from '../pages/index.ts';
import type { Refusals } from '../refusals.ts';
import type { Rooms } from '../rooms.ts';

/** What the OpenID provider stands on. */
export type OidcDeps = Pick<Rooms, 'store' | 'sealer' | 'keyring' | 'policy' | 'clock' | 'inForce'> & {
  readonly browsers: Browsers;
  readonly view: View;
  readonly errorPage: ErrorPage;
  readonly refusals: Refusals;
};
