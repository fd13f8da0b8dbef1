import type { Readable } from 'node:stream';

import type { HttpAnswer } from './types.ts';

type Headers = Readonly<Record<string, string>>;

/** JSON of any value; nothing is kept by caches. */
export function json(status: number, value: unknown, headers: Headers = {}): HttpAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(value),
  };
}

export function noContent(headers: Headers = {}): HttpAnswer {
  return { status: 204, headers: { 'cache-control': 'no-store', ...headers }, body: null };
}

/** 303: whatever the method was, the browser goes on with GET (RFC 9110 §15.4.4). */
export function redirect(location: string): HttpAnswer {
  return { status: 303, headers: { location, 'cache-control': 'no-store' }, body: null };
}

/** Anything else. No header is added, so say how long it may be kept. */
export function content(
  status: number,
  contentType: string,
  body: string | Uint8Array | Readable,
  headers: Headers = {},
): HttpAnswer {
  return { status, headers: { 'content-type': contentType, ...headers }, body };
}

/** A page for people, under the headers that keep others' scripts and frames out (IA-76). */
export function html(status: number, body: string, headers: Headers = {}): HttpAnswer {
  return {
    status,
    headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', ...pageHeaders, ...headers },
    body,
  };
}

/**
 * Nothing but our own files; no inline script or style. `same-origin` as referrer: with `no-referrer` Chrome sends `Origin: null` from
 * our own forms.
 */
export const pageHeaders: Headers = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; '),
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
};
