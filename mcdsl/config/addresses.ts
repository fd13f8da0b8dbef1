import { isIPv4, isIPv6 } from 'node:net';
import { quote } from './units.ts';
import type { TextParse } from './units.ts';

/** A host name or IP address (IPv6 without brackets) and a port. */
export interface HostPort {
  host: string;
  port: number;
}

/** `host: null` listens on every address, IPv4 and IPv6. `fd` is a socket passed by systemd under that name. */
export type ListenAddress = { kind: 'tcp'; host: string | null; port: number } | { kind: 'fd'; name: string };

/** `host:port` or `[v6]:port`, port 1-65535, e.g. of a backend. */
export function parseHostPort(text: string): TextParse<HostPort> {
  const split = splitPort(text);
  if (!split.ok) return split;
  const { host, port } = split.value;
  if (host === '') return { ok: false, reason: `${quote(text)} has no host` };
  if (port === 0) return { ok: false, reason: `${quote(text)} has port 0` };
  return split;
}

/** `host:port`, `[v6]:port`, `:port` for every address, or `fd:NAME`. Port 0 lets the system choose. */
export function parseListenAddress(text: string): TextParse<ListenAddress> {
  if (text.startsWith('fd:')) {
    const name = text.slice(3);
    // sd_listen_fds_with_names(3): names are ASCII without control characters and colons, at most 255.
    if (/^[\x21-\x39\x3b-\x7e]{1,255}$/.test(name)) return { ok: true, value: { kind: 'fd', name } };
    return { ok: false, reason: `${quote(text)} does not name a socket` };
  }
  const split = splitPort(text);
  if (!split.ok) return split;
  return { ok: true, value: { kind: 'tcp', host: split.value.host || null, port: split.value.port } };
}

/** An address as it is written in a configuration. */
export function formatAddress(address: HostPort | ListenAddress): string {
  if ('kind' in address && address.kind === 'fd') return `fd:${address.name}`;
  const host = address.host ?? '';
  return host.includes(':') ? `[${host}]:${address.port}` : `${host}:${address.port}`;
}

function splitPort(text: string): TextParse<HostPort> {
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(text);
  if (parts === null) return { ok: false, reason: `${quote(text)} ${whyNoHostPort(text)}` };
  const [, v6, name = '', digits] = parts;
  const port = Number(digits);
  if (port > 65535) return { ok: false, reason: `${quote(text)} has a port above 65535` };
  if (v6 !== undefined) {
    return isIPv6(v6)
      ? { ok: true, value: { host: v6, port } }
      : { ok: false, reason: `${quote(v6)} is not an IPv6 address` };
  }
  if (name !== '' && !isHost(name)) return { ok: false, reason: `${quote(name)} is not a host name or IP address` };
  return { ok: true, value: { host: name, port } };
}

function whyNoHostPort(text: string): string {
  if (isIPv6(text)) return 'is an IPv6 address without brackets and port';
  if (text.includes('://')) return 'is a URL, not an address';
  if (/:[^:\]]+$/.test(text)) return 'does not end in a port number';
  return 'has no port';
}

/** Host names as RFC 1123 has them (and `_`, seen in container networks); what looks like a number must be an IPv4 address. */
function isHost(name: string): boolean {
  if (isIPv4(name)) return true;
  const labels = name.replace(/\.$/, '').split('.');
  const isName =
    name.length <= 253 && labels.every((label) => /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label));
  return isName && !/^[0-9]+$/.test(labels.at(-1) ?? '');
}
