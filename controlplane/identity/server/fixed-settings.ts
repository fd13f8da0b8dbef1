import type { Frozen } from '../../../mcdsl/config/index.ts';
import type { IdentityConfig } from '../config/index.ts';

/** Settings that a running server keeps: sockets, files, and what is derived at the start. */
export function changedAtRestartOnly(before: Frozen<IdentityConfig>, after: Frozen<IdentityConfig>): readonly string[] {
  const of = ({ server, ...config }: Frozen<IdentityConfig>): Readonly<Record<string, unknown>> => ({
    'server.listen_addr': server.listen_addr,
    'server.grpc_addr': server.grpc_addr,
    'server.tls': [server.tls, server.tls_cert, server.tls_key],
    'server.public_url': server.public_url,
    'server.trusted_proxies': server.trusted_proxies,
    'server.max_body': server.max_body,
    '[database]': config.database,
    '[admin]': config.admin,
    '[metrics]': config.metrics,
    '[keys]': config.keys,
    'webauthn.rp_id': config.webauthn.rp_id,
    'oidc.enabled, or the first oidc_clients': config.oidc.enabled && config.oidc_clients.length > 0,
  });
  const old = of(before);
  return Object.entries(of(after)).flatMap(([name, now]) =>
    JSON.stringify(old[name]) === JSON.stringify(now) ? [] : [name],
  );
}
