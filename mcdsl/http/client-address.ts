import { BlockList, isIP, isIPv4 } from 'node:net';

import { textField } from '../config/index.ts';
import type { TextParse } from '../config/index.ts';

/** Networks whose word about a client is believed. */
export type TrustedProxies = { has(address: string): boolean };

export const noProxies: TrustedProxies = { has: () => false };

export type ClientFacts = {
  readonly address: string;
  readonly scheme: 'http' | 'https';
  readonly isForwarded: boolean;
};

/** A network of a configuration, checked when it was read. */
export type Network = { readonly address: string; readonly prefix: number };

/** `10.0.0.0/8`, `fd00::/8`, or one address. */
export function parseNetwork(text: string): TextParse<Network> {
  const [address = '', length, ...rest] = text.split('/');
  const family = isIP(address);
  const most = family === 4 ? 32 : 128;
  const prefix = length === undefined ? most : /^(0|[1-9][0-9]{0,2})$/.test(length) ? Number(length) : NaN;
  if (family !== 0 && !address.includes('%') && rest.length === 0 && prefix <= most) {
    return { ok: true, value: { address, prefix } };
  }
  return { ok: false, reason: `${JSON.stringify(text)} is not a network` };
}

export function network() {
  return textField(parseNetwork, { expected: 'a network such as "10.0.0.0/8" or "fd00::/8"', standIn: '127.0.0.1/32' });
}

export function trustProxies(networks: readonly Network[]): TrustedProxies {
  if (networks.length === 0) return noProxies;
  const list = new BlockList();
  for (const { address, prefix } of networks) list.addSubnet(address, prefix, isIPv4(address) ? 'ipv4' : 'ipv6');
  return { has: (address) => isIP(address) !== 0 && list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6') };
}

/**
 * Who asks, and how. Only a trusted peer's word counts, and of its `X-Forwarded-For` only the last entry, which the peer itself
 * has added; the ones before it are the client's own claims.
 */
export function clientOf(
  peer: string,
  encrypted: boolean,
  headers: { readonly [name: string]: string | readonly string[] | undefined },
  trusted: TrustedProxies,
): ClientFacts {
  const address = canonicalAddress(peer);
  const own = encrypted ? 'https' : 'http';
  if (!trusted.has(address)) return { address, scheme: own, isForwarded: false };
  const forwarded = canonicalAddress(lastOf(headers['x-forwarded-for']));
  const proto = lastOf(headers['x-forwarded-proto']);
  return {
    address: isIP(forwarded) === 0 ? address : forwarded,
    scheme: proto === 'https' || proto === 'http' ? proto : own,
    isForwarded: true,
  };
}

/** IPv4 in IPv6 as IPv4, without zone; one client has one text. */
export function canonicalAddress(text: string): string {
  const bare = text.replace(/%.*$/, '').replace(/^\[(.*)\]$/, '$1');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  if (mapped !== undefined && isIPv4(mapped)) return mapped;
  if (isIP(bare) !== 6) return bare;
  return new URL(`http://[${bare}]/`).hostname.slice(1, -1);
}

function lastOf(value: string | readonly string[] | undefined): string {
  const text = typeof value === 'string' ? value : (value?.join(',') ?? '');
  return text.slice(text.lastIndexOf(',') + 1).trim();
}
