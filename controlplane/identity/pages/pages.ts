import { html, redirect, route } from '../../../mcdsl/http/index.ts';
import type { Api, ErrorPage } from '../../../mcdsl/http/index.ts';
import { baseStylesheet, createAssets, createTemplates, errorTitle } from '../../../mcdsl/web/index.ts';
import { accountScreens } from './account/index.ts';
import { adminScreens } from './admin/index.ts';
import type { PagesDeps } from './deps.ts';
import { loginScreens } from './login.ts';
import { logoutScreens } from './logout.ts';
import { recoverScreens } from './recover.ts';
import { createScreens, screensApi, type Screen } from './screen.ts';
import { createView, type View } from './view.ts';

export type Pages = {
  readonly apis: readonly Api[];
  /** For `errorPage` of the server. */
  readonly errorPage: ErrorPage;
  /** For pages of other rooms, such as the consent of OpenID Connect. */
  readonly view: View;
};

/** The web pages of mcias. A browser holds a session, never a token. */
export function createPages(given: Omit<PagesDeps, 'view'>): Pages {
  const { browsers } = given;
  const assets = createAssets({
    'base.css': baseStylesheet,
    'passkeys.js': new URL('./assets/passkeys.js', import.meta.url),
  });
  const stylesheet = assets.url('base.css');
  const view = createView({ browsers, stylesheet, passkeyScript: assets.url('passkeys.js') });
  const deps: PagesDeps = { ...given, view };
  const screens = createScreens(deps);
  const home: Screen = {
    rule: 'public',
    route: route({ method: 'GET', path: '/', page: true, answer: () => redirect('/account') }),
  };
  const api = screensApi(
    { home },
    loginScreens(deps),
    logoutScreens(deps),
    recoverScreens(deps, screens),
    ...accountScreens(deps, screens),
    ...adminScreens(deps, screens),
  );
  const templates = createTemplates(new URL('./templates/', import.meta.url), { service: 'mcias', stylesheet });
  return {
    apis: [assets.api, api],
    view,
    errorPage: ({ status, code, message }, { requestId }) =>
      html(status, templates.render('error', { title: errorTitle(status, code), message, code, requestId, nav: [] })),
  };
}
