import { statSync } from 'node:fs';

import { z } from 'zod';

import { filePathOrNone, type ConfigPath, type Reporter } from '../../../mcdsl/config/index.ts';
import { errnoOf } from '../../../mcdsl/errors/index.ts';
import { clientId, serviceName, tags } from './fields.ts';

export const oidcScopes = ['openid', 'profile', 'email', 'groups'] as const;

/** Its own command line signs on by a client that no file needs to name. */
const builtIn = 'mciasctl';

export const ssoClient = z.strictObject({
  client_id: clientId().describe('May stand in several blocks, with one service_name.'),
  redirect_uri: z.string().describe('Compared byte for byte.'),
  service_name: serviceName().describe('Context of the login policy, and audience of the token.'),
  tags: tags().describe('More of that context.'),
});

export const oidcClient = z.strictObject({
  client_id: clientId(),
  client_secret_file: filePathOrNone().prefault('').describe('A file of mode 0600; empty: a public client.'),
  redirect_uris: z.array(z.string()).min(1).describe('Compared byte for byte.'),
  post_logout_redirect_uris: z.array(z.string()).default([]),
  application_type: z.enum(['web', 'native']).default('web').describe('native: http loopback redirects with any port.'),
  auth_method: z
    .enum(['client_secret_basic', 'client_secret_post', 'none'])
    .default('client_secret_basic')
    .describe('Without a secret it is none.'),
  id_token_alg: z.enum(['RS256', 'EdDSA']).default('RS256'),
  scopes: z
    .array(z.enum(oidcScopes))
    .min(1)
    .default([...oidcScopes]),
  refresh_tokens: z.boolean().default(false),
  pkce: z.enum(['required', 'off']).default('required').describe('"off" only for a client with a secret.'),
  service_name: serviceName().describe('Context of the login policy.'),
  tags: tags(),
});

export type SsoClientConfig = z.output<typeof ssoClient>;
export type OidcClientConfig = z.output<typeof oidcClient>;

export function checkSsoClients(clients: readonly SsoClientConfig[], report: Reporter): void {
  const first = new Map<string, number>();
  const services = new Map<string, number>();
  clients.forEach((client, index) => {
    const at = ['sso_clients', index];
    const { client_id, redirect_uri, service_name } = client;
    if (client_id === builtIn)
      report([...at, 'client_id'], `"${builtIn}" is built in`, { expected: 'another client_id' });
    checkRedirect(redirect_uri, [...at, 'redirect_uri'], isLoopback, report);
    const key = JSON.stringify([client_id, redirect_uri]);
    const twin = first.get(key) ?? -1;
    if (twin >= 0) {
      const related = { path: ['sso_clients', twin, 'redirect_uri'], message: 'the first one' };
      report([...at, 'redirect_uri'], `client ${client_id} has this redirect_uri twice`, { related });
    }
    const other = services.get(client_id) ?? index;
    if (clients[other]?.service_name !== service_name) {
      const related = { path: ['sso_clients', other, 'service_name'], message: 'the first one' };
      report([...at, 'service_name'], `client ${client_id} has two service names`, {
        related,
        expected: 'one for all its blocks',
      });
    }
    if (twin < 0) first.set(key, index);
    services.set(client_id, other);
  });
}

export function checkOidcClients(clients: readonly OidcClientConfig[], report: Reporter): void {
  const first = new Map<string, number>();
  clients.forEach((client, index) => {
    const at = ['oidc_clients', index];
    const other = first.get(client.client_id);
    if (other !== undefined) {
      const related = { path: ['oidc_clients', other, 'client_id'], message: 'the first one' };
      report([...at, 'client_id'], `two clients are called ${client.client_id}`, { related });
    }
    first.set(client.client_id, other ?? index);
    const allowHttp = client.application_type === 'native' ? isLoopback : () => false;
    for (const key of ['redirect_uris', 'post_logout_redirect_uris'] as const) {
      client[key].forEach((uri, i) => checkRedirect(uri, [...at, key, i], allowHttp, report));
    }
    if (!client.scopes.includes('openid')) {
      report([...at, 'scopes'], 'without the scope openid it is no OpenID Connect', {
        expected: 'scopes with "openid"',
      });
    }
    checkSecret(client, at, report);
  });
}

function checkSecret(client: OidcClientConfig, at: ConfigPath, report: Reporter): void {
  const { client_id, client_secret_file: file, auth_method, pkce } = client;
  if (pkce === 'off' && file === '' && !report.partial) {
    const expected = 'pkce = "required", or a client_secret_file';
    report([...at, 'pkce'], `client ${client_id} is public, so PKCE is all that protects its codes`, { expected });
  } else if (pkce === 'off') {
    report(
      [...at, 'pkce'],
      `client ${client_id} works without PKCE: a stolen code is good for whoever has its secret`,
      {
        severity: 'warning',
      },
    );
  }
  if (file === '') return;
  if (auth_method === 'none') {
    report([...at, 'auth_method'], `client ${client_id} has a secret and does not use it`, {
      expected: 'client_secret_basic or client_secret_post',
    });
  }
  const path = [...at, 'client_secret_file'];
  try {
    if ((statSync(file).mode & 0o077) !== 0) {
      report(path, `${file} can be read by other users`, { severity: 'warning', expected: 'mode 0600' });
    }
  } catch (error) {
    report(path, `${file} cannot be read (${errnoOf(error)})`, { expected: 'a file with the secret of the client' });
  }
}

/** A registered address is compared byte for byte, so it must be the one spelling that an application sends. */
function checkRedirect(text: string, path: ConfigPath, allowHttp: (url: URL) => boolean, report: Reporter): void {
  const expected = 'an address such as "https://app.example.net/sso/callback"';
  const url = URL.parse(text);
  if (url === null || url.href !== text) {
    const suggestion = url === null ? {} : { suggestion: JSON.stringify(url.href) };
    report(path, `${JSON.stringify(text)} is no address as browsers write it`, { expected, ...suggestion });
  } else if (url.hash !== '' || text.includes('#')) {
    report(path, 'a redirect cannot have a fragment', { expected });
  } else if (url.username !== '' || url.password !== '') {
    report(path, 'a redirect cannot have a user name', { expected });
  } else if (url.protocol !== 'https:' && !(url.protocol === 'http:' && allowHttp(url))) {
    report(path, `${JSON.stringify(text)} is not https: the code could be read on its way`, { expected });
  }
}

/** RFC 8252 section 7.3: addresses of this machine, by number. */
function isLoopback({ hostname }: URL): boolean {
  return hostname === '127.0.0.1' || hostname === '[::1]';
}
