import { z } from 'zod';

import type { ApiDeps } from '../deps.ts';
import { operation } from '../operation.ts';
import { text } from './fields.ts';
import { grantOf } from './grants.ts';

/** The part of single sign-on that services call. */
export function ssoOperations({ exchangeCode, inForce }: ApiDeps) {
  const exchange = operation(
    'sso.exchange_code',
    z.strictObject({ code: text(256), client_id: text(64), redirect_uri: text(2048), code_verifier: text(256) }),
    ({ code, client_id: clientId, redirect_uri: redirectUri, code_verifier: codeVerifier }, call) => {
      const { issued, account } = exchangeCode({ code, clientId, redirectUri, codeVerifier }, call);
      return grantOf(issued, account);
    },
    { auditsRefusals: true },
  );

  const listClients = operation('sso.list_clients', z.strictObject({}), () => {
    const { ssoClients, oidcClients } = inForce().settings;
    const ids = [...new Set(ssoClients.map(({ clientId }) => clientId))];
    const sso = ids.map((id) => {
      const blocks = ssoClients.filter(({ clientId }) => clientId === id);
      return {
        client_id: id,
        kind: 'sso',
        redirect_uris: blocks.map(({ redirectUri }) => redirectUri),
        service_name: blocks[0]?.serviceName ?? '',
        tags: [...new Set(blocks.flatMap(({ tags }) => tags))],
      };
    });
    const oidc = oidcClients.map(({ clientId, redirectUris, serviceName, tags }) => ({
      client_id: clientId,
      kind: 'oidc',
      redirect_uris: redirectUris,
      service_name: serviceName,
      tags,
    }));
    return { clients: [...sso, ...oidc] };
  });

  return { exchange, listClients };
}
