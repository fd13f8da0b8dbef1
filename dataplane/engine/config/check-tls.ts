import { createSecureContext } from 'node:tls';
import type { Reporter } from '../../../mcdsl/config/index.ts';
import type { ProxyConfig } from './schema.ts';

/** Each group is tried on the OpenSSL that will use it; a list with one unknown name would fail as a whole, at the first client. */
export function checkTls(config: ProxyConfig, report: Reporter): void {
  for (const group of config.tls.groups.split(':')) {
    if (isGroup(group)) continue;
    report(['tls', 'groups'], `OpenSSL knows no key-exchange group ${JSON.stringify(group)}`, {
      expected: 'groups such as "X25519MLKEM768:X25519:P-256"',
    });
  }
}

function isGroup(name: string): boolean {
  if (!/^[A-Za-z0-9_.-]+$/.test(name)) return false;
  try {
    createSecureContext({ ecdhCurve: name });
    return true;
  } catch {
    return false;
  }
}
