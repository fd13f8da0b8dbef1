import type { Api, ErrorPage } from '../../mcdsl/http/index.ts';
import type { ExchangeCode, Operations, Runner } from './api/index.ts';
import { createBrowsers } from './browser/index.ts';
import { oidcApi } from './oidc/index.ts';
import { createPages } from './pages/index.ts';
import type { Refusals } from './refusals.ts';
import type { Rooms } from './rooms.ts';
import { exchangeCode, ssoApi } from './sso/index.ts';

/** What browsers see of mcias. */
export type Web = {
  readonly apis: readonly Api[];
  readonly errorPage: ErrorPage;
};

/** The OpenID provider is there only when the configuration of the start names clients for it. */
export async function createWeb(
  rooms: Rooms,
  operations: Operations,
  runner: Runner,
  refusals: Refusals,
): Promise<Web> {
  const browsers = createBrowsers(rooms);
  const { apis, view, errorPage } = createPages({ ...rooms, browsers, operations, runner, refusals });
  const hasClients = rooms.inForce().settings.oidcClients.length > 0;
  const oidc = hasClients ? [await oidcApi({ ...rooms, browsers, view, errorPage, refusals })] : [];
  return { apis: [...apis, ssoApi({ ...rooms, browsers, refusals }), ...oidc], errorPage };
}

/** Codes of single sign-on, for the API. */
export function codeExchange(rooms: Rooms): ExchangeCode {
  return (draft, { address: ip, requestId }) =>
    exchangeCode(rooms, draft, { actor: '', actorKind: 'anonymous', ip, requestId });
}
