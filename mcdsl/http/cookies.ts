import { httpErrors } from './errors.ts';

/** Browsers keep no larger cookie (RFC 6265 §6.1), name and attributes included. */
const maxBytes = 4096;
const namePattern = /^__(?:Host|Secure)-[a-z0-9][a-z0-9_-]{0,60}$/;
const valuePattern = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;

/**
 * A `__Host-` cookie: only this host's, only over HTTPS, not readable by scripts, and SameSite=Lax, because callbacks of a login
 * arrive by navigation from another site. A service's name belongs into the cookie's, since cookies ignore ports.
 * @param maxAgeSeconds 0 deletes it
 */
export function hostCookie(name: string, value: string, maxAgeSeconds: number): string {
  if (!name.startsWith('__Host-') || !namePattern.test(name)) throw new Error(`${name} is no name of a __Host- cookie`);
  if (!valuePattern.test(value)) throw new Error(`the value of the cookie ${name} holds characters that need quoting`);
  const line = `${name}=${value}; Path=/; Max-Age=${Math.max(0, Math.floor(maxAgeSeconds))}; Secure; HttpOnly; SameSite=Lax`;
  if (line.length <= maxBytes) return line;
  throw httpErrors.error('internal', `the cookie ${name} would have ${line.length} bytes, which browsers drop`);
}

export function deleteCookie(name: string): string {
  return hostCookie(name, '', 0);
}

/**
 * The value of a cookie; null when absent, and when given twice: one of them is then another's, and which is unknown (a cookie of a
 * parent domain cannot have the prefix, a second header line can).
 */
export function readCookie(header: string | undefined, name: string): string | null {
  if (header === undefined || header.length > 65_536) return null;
  const values = header
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  const [value] = values;
  return values.length === 1 && value !== undefined && valuePattern.test(value) ? value : null;
}
