import { isIP } from 'node:net';
import { parseHostPort } from '../../../mcdsl/config/index.ts';

/** A backend as configuration writes it, taken apart. `ip` is set when the host is numeric. */
export interface BackendAddress {
  readonly host: string;
  readonly port: number;
  readonly ip: string | null;
}

/** `host:port` or `[v6]:port`, by the rule that checks configurations. Null for anything else. */
export function parseBackendAddress(text: string): BackendAddress | null {
  const parsed = parseHostPort(text);
  if (!parsed.ok) return null;
  const { host, port } = parsed.value;
  return { host, port, ip: isIP(host) === 0 ? null : host };
}
