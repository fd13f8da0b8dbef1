import { isIPv6 } from 'node:net';

import type { CertificateInfo } from './pair.ts';
import { namesCover } from './pair.ts';

const dayMs = 86_400_000;
const soonDays = 30;

/**
 * Sentences for the operator about a certificate that works, and will not always: names that clients use and it lacks (services on the
 * same host dial localhost), and an end within 30 days.
 */
export function certificateAdvice(info: CertificateInfo, wanted: readonly string[], nowMs: number): string[] {
  const names = info.names.map(plainName);
  const missing = wanted.filter((name) => !namesCover(names, plainName(name)));
  const days = Math.floor((info.notAfter.getTime() - nowMs) / dayMs);
  return [
    ...(missing.length === 0
      ? []
      : [`the certificate lacks ${missing.join(', ')}: clients that use these names refuse it`]),
    ...(days >= soonDays ? [] : [`the certificate ends in ${days} days, on ${info.notAfter.toISOString()}: renew it`]),
  ];
}

/** Lower case, and IPv6 in its short form: certificates show it as eight groups. */
function plainName(name: string): string {
  return isIPv6(name) ? new URL(`http://[${name}]/`).hostname.slice(1, -1) : name.toLowerCase();
}
