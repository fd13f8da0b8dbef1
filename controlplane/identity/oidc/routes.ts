import type { IncomingMessage } from 'node:http';

import type { Provider } from 'oidc-provider';
import { z } from 'zod';

import { defineApi, json, mount, redirect, route } from '../../../mcdsl/http/index.ts';
import type { Api } from '../../../mcdsl/http/index.ts';
import { atHand } from './at-hand.ts';
import type { OidcDeps } from './deps.ts';
import { interaction } from './interaction.ts';
import { createProvider } from './provider.ts';

/**
 * OpenID Connect for other applications, below /oidc. The provider is loaded here, so it costs nothing where no client is configured.
 * It reads bodies itself, so its requests come as Node has them.
 * @throws Error when a client's secret cannot be read
 */
export async function oidcApi(deps: OidcDeps): Promise<Api> {
  const library = await import('oidc-provider');
  const { keyring, browsers, inForce } = deps;
  const current = remake(
    () => [keyring.signingJwks('oidc').keys, inForce().settings.oidcClients],
    () => createProvider(library, deps),
  );

  current();

  return defineApi({
    routes: {
      // All keys that may still verify something; the provider itself knows those that sign.
      jwks: route({
        method: 'GET',
        path: '/oidc/jwks',
        answer: () => json(200, keyring.jwks('oidc'), { 'access-control-allow-origin': '*' }),
      }),
      interaction: route({
        method: 'GET',
        path: '/oidc/interaction/:uid',
        page: true,
        params: z.strictObject({ uid: z.string() }),
        answer: async (request) => redirect(await interaction(deps, current().provider, request, request.params.uid)),
      }),
      provider: mount({
        prefix: '/oidc',
        async handle(request, response, context) {
          pin(request, inForce().settings.publicUrl);
          response.setHeader('x-content-type-options', 'nosniff');
          response.setHeader('x-request-id', context.requestId);
          const own = { ...context, addCookie: (line: string) => void response.appendHeader('set-cookie', line) };
          const visitor = browsers.visitor(own);
          await atHand.run({ context: own, visitor }, () => current().handle(request, response));
        },
      }),
    },
    authorization: { jwks: 'public', interaction: 'public', provider: 'public' },
  });
}

type Served = { readonly provider: Provider; readonly handle: ReturnType<Provider['callback']> };

/** A provider of the keys and clients of now: what it keeps is in the database, so another one goes on where it was. */
function remake(partsOf: () => readonly unknown[], make: () => Provider): () => Served {
  let parts = '';
  let served: Served | null = null;
  return () => {
    const now = JSON.stringify(partsOf());
    if (served === null || now !== parts) {
      const provider = make();
      served = { provider, handle: provider.callback() };
      parts = now;
    }
    return served;
  };
}

/** The provider makes its addresses from the request: they are those of `public_url`, whatever a client says of host and scheme. */
function pin(request: IncomingMessage & { originalUrl?: string }, publicUrl: string): void {
  const { host } = new URL(publicUrl);
  request.headers['x-forwarded-host'] = host;
  request.headers['x-forwarded-proto'] = 'https';
  delete request.headers['x-forwarded-for'];
  const target = request.url ?? '/oidc';
  request.originalUrl = target;
  request.url = target.slice('/oidc'.length) || '/';
}
