import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { secretsEqual } from '../../../mcdsl/secrets/index.ts';
import type { TokenGrant } from '../../../proto/gen/mcias/v1/common.ts';
import { ctlErrors } from './errors.ts';
import type { Session } from './session.ts';

const clientId = 'mciasctl';
const waitMs = 5 * 60_000;

/**
 * Single sign-on by the browser, with a redirect to a port of the loopback (RFC 8252 section 7.3): code flow with PKCE (RFC 7636) and
 * the issuer in the answer (RFC 9207). The password is typed into mcias's own page only.
 * @throws login_failed
 */
export async function webLogin({ api, target, terminal, signal }: Session): Promise<TokenGrant> {
  const state = randomBytes(32).toString('base64url');
  const codeVerifier = randomBytes(32).toString('base64url');
  const answer = Promise.withResolvers<URLSearchParams>();
  const server = createServer((request, response) => {
    const query = takeCallback(request, response, state);
    if (query !== null) answer.resolve(query);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const giveUp = AbortSignal.any([signal, AbortSignal.timeout(waitMs)]);
  const onAbort = (): void => answer.reject(ctlErrors.error('login_failed', 'nobody logged in within five minutes'));
  giveUp.addEventListener('abort', onAbort);
  try {
    const redirectUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`;
    const query = new URLSearchParams({
      client_id: clientId,
      redirect_uri: redirectUri,
      response_type: 'code',
      state,
      code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
      code_challenge_method: 'S256',
    });
    terminal.progress(`open in a browser on this machine: ${target.server}/sso/authorize?${query.toString()}`);
    const code = codeOf(await answer.promise);
    return await api.sso.exchangeCode({ code, clientId, redirectUri, codeVerifier }, { signal });
  } finally {
    giveUp.removeEventListener('abort', onAbort);
    server.close();
    server.closeAllConnections();
  }
}

/** Whatever does not bring our state is somebody else's: it is refused, and the wait goes on. */
function takeCallback(request: IncomingMessage, response: ServerResponse, state: string): URLSearchParams | null {
  const url = URL.parse(request.url ?? '', 'http://127.0.0.1');
  const isOurs =
    request.method === 'GET' &&
    url?.pathname === '/callback' &&
    secretsEqual(url.searchParams.get('state') ?? '', state);
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    connection: 'close',
  };
  response.writeHead(isOurs ? 200 : 400, headers);
  response.end(isOurs ? 'You can close this page; mciasctl goes on.\n' : 'This is no answer to a login of mciasctl.\n');
  return isOurs ? url.searchParams : null;
}

function codeOf(query: URLSearchParams): string {
  const [error, code] = [query.get('error'), query.get('code')];
  if (error !== null) throw ctlErrors.error('login_failed', `mcias answered ${error}`);
  if (code === null) throw ctlErrors.error('login_failed', 'the answer of mcias has no code');
  return code;
}
