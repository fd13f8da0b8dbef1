import { safeReturnPath } from '../../../mcdsl/sso/index.ts';

/** Where to go on after a login: a path of this origin, or `fallback`. */
export function localPath(text: string | undefined, fallback = '/account'): string {
  const path = safeReturnPath(text);
  return path === '/' ? fallback : path;
}

/** A page that goes on to `to` when it is done. */
export function withReturn(page: string, to: string): string {
  return `${page}?return=${encodeURIComponent(to)}`;
}

export function loginPath(to: string): string {
  return withReturn('/login', to);
}
