import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { Provider } from 'oidc-provider';
import { writeCalls } from '../mcias.ts';
import { WEB_HOST } from '../model.ts';
import { sqliteAdapter } from './sqlite-adapter.ts';

/**
 * `oidc-server.ts FILE`: oidc-provider by itself over TLS, its state in SQLite, with so many live access tokens of one client, and
 * the calls of introspection for them in the given directory.
 */
const { dir, port, cert, key, tokens } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as {
  dir: string;
  port: number;
  cert: string;
  key: string;
  tokens: number;
};
const clientId = 'bench';
const secret = 'a-secret-of-the-bench';
const issuer = `https://${WEB_HOST}:${port}`;
const provider = new Provider(issuer, {
  adapter: sqliteAdapter(join(dir, 'oidc.db')),
  clients: [
    {
      client_id: clientId,
      client_secret: secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
  ],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    devInteractions: { enabled: false },
  },
  ttl: { ClientCredentials: 86_400 },
});
const client = await provider.Client.find(clientId);
if (client === undefined) throw new Error('the client is not there');
const bodies: string[] = [];
for (let number = 0; number < tokens; number++) {
  const token = await new provider.ClientCredentials({ client, scope: undefined }).save();
  bodies.push(`token=${encodeURIComponent(token)}`);
}
const basic = Buffer.from(`${clientId}:${secret}`).toString('base64');
writeCalls(dir, {
  path: '/token/introspection',
  contentType: 'application/x-www-form-urlencoded',
  authorization: `Basic ${basic}`,
  bodies,
  expected: '"active":true',
});
createServer({ cert: readFileSync(cert), key: readFileSync(key), minVersion: 'TLSv1.3' }, provider.callback()).listen(
  port,
  '127.0.0.1',
);
