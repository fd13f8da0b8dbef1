import { escapeControl, formatDuration, formatPairs } from '../../../mcdsl/terminal/index.ts';
import type { Column, Terminal } from '../../../mcdsl/terminal/index.ts';
import type { GeoipState, Listener, RateLimit } from '../../../proto/gen/mcproxy/v1/mcproxy.ts';
import type { Json } from './json.ts';

export type Pair = readonly [string, string | number | boolean | null | undefined];

export const listenerColumns: readonly Column<Listener>[] = [
  { title: 'listener', value: (listener) => listener.addr },
  { title: 'bound', value: boundText },
  { title: 'routes', align: 'right', value: (listener) => listener.routes },
  { title: 'active', align: 'right', value: (listener) => listener.activeConnections },
  { title: 'max', align: 'right', value: ({ maxConnections }) => (maxConnections === 0 ? null : maxConnections) },
  { title: 'proxy protocol', value: proxyProtocolText },
  { title: 'default route', value: (listener) => listener.defaultRoute },
];

export function geoipText(geoip: GeoipState | undefined): string {
  if (geoip === undefined || (geoip.path === '' && !geoip.loaded)) return 'none';
  const failed = geoip.lastError === '' ? '' : `; the last load failed: ${geoip.lastError}`;
  if (!geoip.loaded) return `${geoip.path}, not loaded${failed}`;
  const built = geoip.builtAt ? ` of ${geoip.builtAt.toISOString().slice(0, 10)}` : '';
  return `${geoip.type}${built}, ${geoip.path}${failed}`;
}

export function rateLimitText(limit: RateLimit | undefined): string {
  if (limit === undefined || limit.limit === 0) return 'off';
  const prefixes = `/${limit.prefixV4} and /${limit.prefixV6}`;
  return `${limit.limit} connections in ${formatDuration(limit.windowMs)}, counted by ${prefixes}`;
}

/** Pairs, then blocks set apart by a blank line; empty blocks are left out. */
export function page(pairs: readonly Pair[], ...blocks: readonly string[]): string {
  return [formatPairs(pairs), ...blocks].filter((block) => block !== '').join('\n');
}

/** The sentence that a change is answered with. */
export function showLine(terminal: Terminal, json: Json, line: string): void {
  terminal.show(json, () => escapeControl(line));
}

/** What has become of a thing that was to be added. */
export function addedText(what: string, answer: { readonly changed: boolean; readonly generation: number }): string {
  return answer.changed ? `${what} in effect (generation ${answer.generation})` : `${what} was there already`;
}

export function removedText(what: string, answer: { readonly generation: number }): string {
  return `${what} removed (generation ${answer.generation})`;
}

/** `1 route`, `3 routes`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function boundText({ boundHost, boundPort }: Listener): string {
  if (boundHost === '') return '';
  return boundHost.includes(':') ? `[${boundHost}]:${boundPort}` : `${boundHost}:${boundPort}`;
}

function proxyProtocolText(listener: Listener): string {
  if (!listener.proxyProtocol) return 'off';
  const { trustedProxies } = listener;
  return trustedProxies.length === 0 ? 'from nobody' : `from ${trustedProxies.join(', ')}`;
}
