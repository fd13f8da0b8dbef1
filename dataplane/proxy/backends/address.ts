import { isIP } from 'node:net';

/** A backend as configuration writes it, taken apart. `ip` is set when the host is numeric. */
export interface BackendAddress {
  readonly host: string;
  readonly port: number;
  readonly ip: string | null;
}

/** `host:port` or `[v6]:port`, port 1 to 65535. Null for anything else. */
export function parseBackendAddress(text: string): BackendAddress | null {
  const match = /^(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  if (!match) return null;
  const port = Number(match[3]);
  if (port < 1 || port > 65535) return null;
  const bracketed = match[1];
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? { host: bracketed, port, ip: bracketed } : null;
  const host = match[2] ?? '';
  return { host, port, ip: isIP(host) === 0 ? null : host };
}
