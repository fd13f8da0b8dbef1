import { readFileSync } from 'node:fs';

import type { ClientMetadata } from 'oidc-provider';

import type { OidcClient } from '../config/index.ts';

/** A client of the configuration as the provider knows it. Reads its secret. @throws Error when the file cannot be read */
export function toMetadata(client: OidcClient): ClientMetadata {
  const secret = client.secretFile === null ? null : readFileSync(client.secretFile, 'utf8').trim();
  return {
    client_id: client.clientId,
    ...(secret === null ? {} : { client_secret: secret }),
    token_endpoint_auth_method: secret === null ? 'none' : client.authMethod,
    redirect_uris: [...client.redirectUris],
    post_logout_redirect_uris: [...client.postLogoutRedirectUris],
    application_type: client.applicationType,
    id_token_signed_response_alg: client.idTokenAlg,
    scope: client.scopes.join(' '),
    response_types: ['code'],
    grant_types: client.refreshTokens ? ['authorization_code', 'refresh_token'] : ['authorization_code'],
  };
}
