import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { listenPreferably } from './ports.ts';
import type { PairFiles } from './seed-files.ts';

/** Two small origins for mc-proxy to stand before: one that speaks its own TLS (for an L4 route), one plain HTTP (for an L7 route). */
export interface DemoOrigins extends AsyncDisposable {
  readonly plainPort: number;
  readonly tlsPort: number;
}

/** Both on 127.0.0.1, on the preferred ports where they are free. */
export async function startDemoOrigins(
  pair: PairFiles,
  preferred: { readonly plainOrigin: number; readonly tlsOrigin: number },
): Promise<DemoOrigins> {
  const plain = createHttpServer(answer('the plain HTTP origin'));
  const tls = createHttpsServer(
    { cert: readFileSync(pair.cert), key: readFileSync(pair.key), minVersion: 'TLSv1.3' },
    answer('the origin with its own TLS'),
  );
  return {
    plainPort: await listenPreferably(plain, preferred.plainOrigin),
    tlsPort: await listenPreferably(tls, preferred.tlsOrigin),
    async [Symbol.asyncDispose]() {
      await Promise.all([close(plain), close(tls)]);
    },
  };
}

function answer(who: string): RequestListener {
  return (request, response) => {
    const lines = [
      `Hello from ${who}.`,
      `${request.method} ${request.url} HTTP/${request.httpVersion}`,
      `host: ${request.headers.host ?? ''}`,
      `x-forwarded-for: ${String(request.headers['x-forwarded-for'] ?? '(none)')}`,
    ];
    response.setHeader('content-type', 'text/plain; charset=utf-8');
    response.end(`${lines.join('\n')}\n`);
  };
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
