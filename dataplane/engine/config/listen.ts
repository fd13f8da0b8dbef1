import { parseListenAddress } from '../../../mcdsl/config/index.ts';
import { formatIp, parseIp } from '../../net/address.ts';
import type { ListenEndpoint } from '../../native/native.ts';

export type ListenerAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** A socket inherited from the service manager under this name. */
  | { readonly kind: 'inherited'; readonly name: string };

export type ListenerAddressParse =
  { readonly ok: true; readonly value: ListenerAddress } | { readonly ok: false; readonly reason: string };

/** Every address of both families. */
const ANY = '::';

/**
 * `host:port`, `[v6]:port`, `:port` (dual stack) or `fd:NAME`. The host is an address: which one a name resolves to must not
 * decide what is exposed. `localhost` is 127.0.0.1.
 */
export function parseListenerAddress(text: string): ListenerAddressParse {
  const parsed = parseListenAddress(text);
  if (!parsed.ok) return parsed;
  if (parsed.value.kind === 'fd') return { ok: true, value: { kind: 'inherited', name: parsed.value.name } };
  const { host, port } = parsed.value;
  const ip = parseIp(host === 'localhost' ? '127.0.0.1' : (host ?? ANY));
  if (ip === null) return { ok: false, reason: `${JSON.stringify(host)} is a name; a listener needs an IP address` };
  return { ok: true, value: { kind: 'tcp', host: formatIp(ip), port } };
}

/** Two listeners of one key would share connections at random (SO_REUSEPORT). Port 0 gives each a port of its own. */
export function listenerKey(addr: string, address: ListenerAddress): string {
  if (address.kind === 'inherited' || address.port === 0) return addr;
  return address.host === '0.0.0.0' || address.host === ANY ? `*:${address.port}` : `${address.host} ${address.port}`;
}

/**
 * What to bind for a listener of a checked configuration. `inherited`: descriptors by their name (sd_listen_fds_with_names(3)).
 * @throws Error when the service manager passed no socket of that name
 */
export function listenEndpoint(addr: string, inherited: ReadonlyMap<string, number>): ListenEndpoint {
  const parsed = parseListenerAddress(addr);
  if (!parsed.ok) throw new Error(`listener ${addr}: ${parsed.reason}`);
  if (parsed.value.kind === 'tcp') return parsed.value;
  const fd = inherited.get(parsed.value.name);
  if (fd !== undefined) return { kind: 'fd', fd };
  const names = [...inherited.keys()].join(', ') || 'none';
  throw new Error(
    `listener ${addr}: the service manager passed no socket of this name (passed: ${names}); set FileDescriptorName= in the socket unit`,
  );
}
