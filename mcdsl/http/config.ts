import { isIP } from 'node:net';

import { z } from 'zod';

import { serverSection, size, textField } from '../config/index.ts';
import type { ListenAddress, Reporter, TextParse } from '../config/index.ts';
import { network, trustProxies } from './client-address.ts';

/** `[server]` of a service with an HTTP listener: the shared keys, and what a service behind a proxy needs. */
export function httpServerSection(defaults: { readonly listenAddr?: string; readonly maxBody?: string } = {}) {
  const { listenAddr, maxBody = '1MiB' } = defaults;
  return serverSection(listenAddr === undefined ? {} : { listenAddr }).extend({
    trusted_proxies: z
      .array(network())
      .default([])
      .describe('Networks whose X-Forwarded-For is believed, last hop only.'),
    max_body: size({ minBytes: 1024 }).prefault(maxBody).describe('The largest request body.'),
  });
}

/** An https origin as browsers know a service by: scheme, host and port, nothing after them. */
export function publicUrl() {
  return textField(parseOrigin, {
    expected: 'an https origin such as "https://app.example.net"',
    standIn: 'https://stand-in.invalid',
  });
}

export function parseOrigin(text: string): TextParse<string> {
  const url = URL.parse(text);
  if (url === null) return { ok: false, reason: `${JSON.stringify(text)} is not a URL` };
  if (url.protocol !== 'https:') return { ok: false, reason: `${JSON.stringify(text)} does not begin with https://` };
  if (url.origin !== text) return { ok: false, reason: `${JSON.stringify(text)} is not ${JSON.stringify(url.origin)}` };
  return { ok: true, value: text };
}

type ListenSettings = {
  readonly listen_addr: ListenAddress;
  readonly grpc_addr: ListenAddress | null;
  readonly tls: 'on' | 'off';
  readonly tls_cert: string;
  readonly tls_key: string;
};

/** TLS needs its files, and plain HTTP an address that only this machine or its containers reach. */
export function checkHttpServer(server: ListenSettings, report: Reporter, section = 'server'): void {
  if (server.tls === 'on') {
    for (const key of ['tls_cert', 'tls_key'] as const) {
      if (server[key] !== '' || report.partial) continue;
      report([section, key], `${key} is needed with tls = "on"`, { expected: 'the path of a PEM file' });
    }
    return;
  }
  for (const key of ['listen_addr', 'grpc_addr'] as const) {
    const address = server[key];
    if (address === null || address.kind === 'fd' || isPrivateHost(address.host)) continue;
    report([section, key], `tls = "off" on an address that others may reach`, {
      expected: 'a loopback or private address (127.0.0.1, 10.…, 172.16.…, 192.168.…, fd…), or tls = "on"',
    });
  }
}

const privateNetworks = trustProxies(
  [
    ['127.0.0.0', 8],
    ['10.0.0.0', 8],
    ['172.16.0.0', 12],
    ['192.168.0.0', 16],
    ['::1', 128],
    ['fc00::', 7],
  ].map(([address, prefix]) => ({ address: String(address), prefix: Number(prefix) })),
);

/** Loopback and the ranges that container networks use (RFC 1918, RFC 4193). Every address (null) is none of them. */
export function isPrivateHost(host: string | null): boolean {
  if (host === null) return false;
  return isIP(host) === 0 ? host === 'localhost' : privateNetworks.has(host);
}

/** Whether a service of this origin tells browsers to use HTTPS only: not on this machine's own names. */
export function wantsHsts(origin: string): boolean {
  const { hostname } = new URL(origin);
  return hostname !== 'localhost' && !hostname.endsWith('.localhost') && isIP(hostname.replace(/^\[|\]$/g, '')) === 0;
}
