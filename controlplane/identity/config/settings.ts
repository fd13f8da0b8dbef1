import { isIP } from 'node:net';

import type { Frozen } from '../../../mcdsl/config/index.ts';
import { oidcSeries, tokenSeries, type KeySeries, type KeyTimes } from '../keys/index.ts';
import type { PasswordSettings } from '../passwords/index.ts';
import type { SessionTimes } from '../sessions/index.ts';
import type { TokenTimes } from '../tokens/index.ts';
import { hostOf } from './check.ts';
import type { IdentityConfig } from './schema.ts';

export type SsoClient = {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly serviceName: string;
  readonly tags: readonly string[];
};

export type OidcClient = {
  readonly clientId: string;
  /** Null for a public client. */
  readonly secretFile: string | null;
  readonly authMethod: 'client_secret_basic' | 'client_secret_post' | 'none';
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris: readonly string[];
  readonly applicationType: 'web' | 'native';
  readonly idTokenAlg: 'RS256' | 'EdDSA';
  readonly scopes: readonly string[];
  readonly refreshTokens: boolean;
  readonly requiresPkce: boolean;
  readonly serviceName: string;
  readonly tags: readonly string[];
};

/** The file in the words of the rooms. Times in milliseconds. */
export type Settings = {
  readonly publicUrl: string;
  readonly issuer: string;
  readonly keySeries: readonly KeySeries[];
  readonly keyTimes: KeyTimes;
  readonly tokenTimes: TokenTimes;
  readonly sessionTimes: SessionTimes;
  readonly passwords: PasswordSettings;
  /** Null: passkeys are off, because they need a domain. */
  readonly passkeys: { readonly rpId: string; readonly origins: readonly string[] } | null;
  readonly ssoClients: readonly SsoClient[];
  /** Empty also when OpenID Connect is switched off. */
  readonly oidcClients: readonly OidcClient[];
};

/** The longest life of an id_token of oidc-provider, which mcias leaves as it is. */
const idTokenMs = 3_600_000;

export function toSettings(config: Frozen<IdentityConfig>): Settings {
  const { server, keys, tokens, argon2, webauthn, oidc } = config;
  const rpId = webauthn.rp_id === '' ? hostOf(server.public_url) : webauthn.rp_id;
  const origins = webauthn.origins.length === 0 ? [server.public_url] : webauthn.origins;
  const oidcClients = oidc.enabled ? config.oidc_clients.map(toOidcClient) : [];
  return {
    publicUrl: server.public_url,
    issuer: tokens.issuer === '' ? server.public_url : tokens.issuer,
    keySeries: oidcClients.length === 0 ? [tokenSeries] : [tokenSeries, ...oidcSeries],
    keyTimes: { rotateEveryMs: keys.rotate_every, publishAheadMs: keys.publish_ahead, oidcTokenMs: idTokenMs },
    tokenTimes: {
      humanTtlMs: tokens.human_ttl,
      systemTtlMs: tokens.system_ttl,
      renewOverlapMs: tokens.renew_overlap,
      systemRenewOverlapMs: tokens.system_renew_overlap,
    },
    sessionTimes: { idleMs: tokens.session_idle, maxMs: tokens.session_max, adminMaxMs: tokens.admin_session_max },
    passwords: {
      params: { memoryKib: Math.floor(argon2.memory / 1024), passes: argon2.passes, parallelism: argon2.parallelism },
      memoryCapBytes: argon2.memory_cap,
      queue: argon2.queue,
      queueTimeoutMs: argon2.queue_timeout,
    },
    passkeys: isIP(rpId) === 0 ? { rpId, origins } : null,
    ssoClients: config.sso_clients.map(({ client_id, redirect_uri, service_name, tags }) => ({
      clientId: client_id,
      redirectUri: redirect_uri,
      serviceName: service_name,
      tags,
    })),
    oidcClients,
  };
}

function toOidcClient(client: Frozen<IdentityConfig>['oidc_clients'][number]): OidcClient {
  const { client_secret_file: file, auth_method } = client;
  return {
    clientId: client.client_id,
    secretFile: file === '' ? null : file,
    authMethod: file === '' ? 'none' : auth_method,
    redirectUris: client.redirect_uris,
    postLogoutRedirectUris: client.post_logout_redirect_uris,
    applicationType: client.application_type,
    idTokenAlg: client.id_token_alg,
    scopes: client.scopes,
    refreshTokens: client.refresh_tokens,
    requiresPkce: client.pkce === 'required',
    serviceName: client.service_name,
    tags: client.tags,
  };
}
