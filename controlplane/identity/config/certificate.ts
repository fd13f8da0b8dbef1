import { SocketAddress } from 'node:net';

import { namesCover, type CertificateInfo } from '../../../mcdsl/tls/index.ts';

/** Services on the same machine reach mcias by these, whatever its public name is. */
const localNames = ['localhost', '127.0.0.1', '::1'];
const soonMs = 30 * 86_400_000;

/**
 * What will fail, or soon: services take a name that the certificate lacks for an mcias that they cannot trust.
 * @param publicHost of public_url, without brackets
 */
export function certificateWarnings(info: CertificateInfo, publicHost: string, now: number): readonly string[] {
  const names = info.names.map(plain);
  const missing = [...new Set([publicHost, ...localNames])].filter((name) => !namesCover(names, plain(name)));
  const warnings: string[] = [];
  if (missing.length > 0) {
    warnings.push(
      `the certificate has no entry for ${missing.join(', ')}: whoever reaches mcias by that name will not trust it; ` +
        `it has ${info.names.join(', ') || 'no names'}`,
    );
  }
  const leftMs = info.notAfter.getTime() - now;
  if (leftMs < soonMs) {
    warnings.push(`the certificate expires in ${Math.max(0, Math.floor(leftMs / 86_400_000))} days, renew it`);
  }
  return warnings;
}

/** Addresses in one spelling. */
function plain(name: string): string {
  return SocketAddress.parse(name.includes(':') ? `[${name}]:1` : `${name}:1`)?.address ?? name.toLowerCase();
}
