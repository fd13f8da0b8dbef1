import { html } from '../../../mcdsl/http/index.ts';
import type { HttpAnswer, HttpContext } from '../../../mcdsl/http/index.ts';
import { createTemplates } from '../../../mcdsl/web/index.ts';
import type { Browsers } from '../browser/index.ts';

/** Renders pages: what a template needs beside its own data is added here. */
export type View = {
  /** @param name of a template; `data` is its own */
  show(context: HttpContext, name: string, data?: object, options?: ShowOptions): HttpAnswer;
};

export type ShowOptions = { readonly status?: number; readonly retryAfterSeconds?: number | null };

export type ViewOptions = {
  readonly browsers: Browsers;
  readonly stylesheet: string;
  readonly passkeyScript: string;
};

const personNav = [
  { href: '/account', label: 'Account' },
  { href: '/account/sessions', label: 'Sessions' },
];
const adminNav = { href: '/admin/accounts', label: 'Administration' };
const logoutNav = { href: '/logout', label: 'Log out' };

export function createView({ browsers, stylesheet, passkeyScript }: ViewOptions): View {
  const templates = createTemplates(new URL('./templates/', import.meta.url), { service: 'mcias', stylesheet, when });
  return {
    show(context, name, data = {}, { status = 200, retryAfterSeconds = null } = {}) {
      const visitor = browsers.visitor(context);
      const isAdmin = visitor?.account.roles.includes('admin') ?? false;
      const page = {
        passkeyScript,
        alarm: '',
        me: visitor === null ? null : { name: visitor.account.name, sessionId: visitor.session.id, isAdmin },
        csrf: visitor === null ? browsers.preToken(context) : browsers.formToken(visitor),
        nav: visitor === null ? [] : [...personNav, ...(isAdmin ? [adminNav] : []), logoutNav],
        ...data,
      };
      const headers: Record<string, string> = {};
      if (retryAfterSeconds !== null) headers['retry-after'] = String(retryAfterSeconds);
      return html(status, templates.render(name, page), headers);
    },
  };
}

/** A time for people: UTC, to the minute. */
function when(at: number | Date | null): string {
  return at === null ? 'never' : `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
