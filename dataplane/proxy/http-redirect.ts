import { parseAuthority } from '../net/hostname.ts';

/** Bytes of a request head that are looked at; a longer one gets the RST that clear HTTP gets otherwise. */
const MAX_HEAD_BYTES = 4096;

/**
 * The answer to a clear HTTP request on a TLS port of a listener with `redirect_http`: 308 (RFC 9110 §15.4.9) to the same path by
 * https. Null: no request to redirect (no valid Host, no origin-form target). `incomplete`: the head has not ended yet.
 */
export function redirectToHttps(bytes: Uint8Array, port: number): Uint8Array | 'incomplete' | null {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, MAX_HEAD_BYTES)).toString('latin1');
  const end = head.indexOf('\r\n\r\n');
  if (end === -1) return bytes.length < MAX_HEAD_BYTES ? 'incomplete' : null;
  const [requestLine = '', ...fields] = head.slice(0, end).split('\r\n');
  const target = /^[A-Z]+ (\/[\x21-\x7e]*) HTTP\/1\.[01]$/.exec(requestLine)?.[1];
  const hosts = fields.filter((field) => /^host:/i.test(field)).map((field) => field.slice(5).trim());
  const authority = hosts.length === 1 ? parseAuthority(hosts[0] ?? '') : null;
  if (target === undefined || authority?.kind !== 'hostname') return null;
  const host = port === 443 ? authority.hostname : `${authority.hostname}:${port}`;
  return Buffer.from(
    `HTTP/1.1 308 Permanent Redirect\r\nLocation: https://${host}${target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    'latin1',
  );
}
