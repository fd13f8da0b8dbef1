import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { PairFiles } from './seed-files.ts';

/** Two small origins for mc-proxy to stand before: one that speaks its own TLS (for an L4 route), one plain HTTP (for an L7 route). */
export interface DemoOrigins extends AsyncDisposable {
  /** host:port */
  readonly plain: string;
  readonly tls: string;
}

export async function startDemoOrigins(pair: PairFiles): Promise<DemoOrigins> {
  const plain = createHttpServer(answer('the plain HTTP origin'));
  const tls = createHttpsServer(
    { cert: readFileSync(pair.cert), key: readFileSync(pair.key), minVersion: 'TLSv1.3' },
    answer('the origin with its own TLS'),
  );
  return {
    plain: await listen(plain),
    tls: await listen(tls),
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

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
