import { isIP } from 'node:net';

import type { Reporter } from '../../../mcdsl/config/index.ts';
import { checkHttpServer } from '../../../mcdsl/http/index.ts';
import { loadPair } from '../../../mcdsl/tls/index.ts';
import { certificateWarnings } from './certificate.ts';
import { checkOidcClients, checkSsoClients } from './clients.ts';
import type { IdentityConfig } from './schema.ts';

/** What the shape of the file can't say: everything is checked, so that one run reports every mistake. */
export function checkConfig(config: IdentityConfig, report: Reporter): void {
  checkHttpServer(config.server, report);
  checkCertificate(config, report);
  checkLifetimes(config, report);
  checkPasskeys(config, report);
  if (config.argon2.memory_cap < config.argon2.memory) {
    report(['argon2', 'memory_cap'], 'memory_cap is less than memory, so that no password could be hashed', {
      expected: 'at least memory; hashes at once are memory_cap / memory',
    });
  }
  checkSsoClients(config.sso_clients, report);
  checkOidcClients(config.oidc_clients, report);
}

function checkCertificate({ server }: IdentityConfig, report: Reporter): void {
  if (server.tls === 'off' || server.tls_cert === '' || server.tls_key === '') return;
  const now = Date.now();
  const load = loadPair(server.tls_cert, server.tls_key, now);
  if (load.kind === 'refused') {
    report(['server', load.problem.field], load.problem.message);
    return;
  }
  const own = certificateWarnings(load.value.info, hostOf(server.public_url), now);
  for (const warning of new Set([...load.value.warnings, ...own])) {
    report(['server', 'tls_cert'], warning, { severity: 'warning' });
  }
}

function checkLifetimes({ keys, tokens }: IdentityConfig, report: Reporter): void {
  if (keys.publish_ahead * 2 > keys.rotate_every) {
    report(['keys', 'publish_ahead'], 'publish_ahead is more than half of rotate_every', {
      expected: 'a key that signs for longer than it waits',
    });
  }
  if (tokens.session_idle > tokens.session_max) {
    report(['tokens', 'session_idle'], 'session_idle is longer than session_max, so it never counts', {
      severity: 'warning',
    });
  }
  if (tokens.renew_overlap > tokens.human_ttl) {
    report(['tokens', 'renew_overlap'], 'renew_overlap is longer than human_ttl, so tokens would not retire', {
      severity: 'warning',
    });
  }
}

function checkPasskeys({ server, webauthn }: IdentityConfig, report: Reporter): void {
  const rpId = webauthn.rp_id === '' ? hostOf(server.public_url) : webauthn.rp_id;
  if (isIP(rpId) !== 0) {
    const message = `passkeys are off: they are bound to a domain, and ${rpId} is an address`;
    const path = webauthn.rp_id === '' ? ['server', 'public_url'] : ['webauthn', 'rp_id'];
    report(path, message, { severity: 'warning', expected: 'a domain in public_url or webauthn.rp_id' });
    return;
  }
  const origins = webauthn.origins.length === 0 ? [server.public_url] : webauthn.origins;
  origins.forEach((origin, index) => {
    const host = hostOf(origin);
    if (host === rpId || host.endsWith(`.${rpId}`)) return;
    const path = webauthn.origins.length === 0 ? ['webauthn', 'rp_id'] : ['webauthn', 'origins', index];
    report(path, `browsers at ${origin} refuse passkeys of ${rpId}`, { expected: `${rpId} or a name below it` });
  });
}

/** Without the brackets of an IPv6 address. */
export function hostOf(origin: string): string {
  return new URL(origin).hostname.replace(/^\[|\]$/g, '');
}
