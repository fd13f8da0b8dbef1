import type { Api, ErrorPage } from '../../mcdsl/http/index.ts';
import type { ExchangeCode, Operations, Runner } from './api/index.ts';
import { createBrowsers } from './browser/index.ts';
import { createPages } from './pages/index.ts';
import type { Rooms } from './rooms.ts';
import { exchangeCode, ssoApi } from './sso/index.ts';

/** What browsers see of mcias. */
export type Web = {
  readonly apis: readonly Api[];
  readonly errorPage: ErrorPage;
};

export function createWeb(rooms: Rooms, operations: Operations, runner: Runner): Web {
  const browsers = createBrowsers(rooms);
  const pages = createPages({ ...rooms, browsers, operations, runner });
  return { apis: [...pages.apis, ssoApi({ ...rooms, browsers })], errorPage: pages.errorPage };
}

/** Codes of single sign-on, for the API. */
export function codeExchange(rooms: Rooms): ExchangeCode {
  return (draft, { address: ip, requestId }) =>
    exchangeCode(rooms, draft, { actor: '', actorKind: 'anonymous', ip, requestId });
}
