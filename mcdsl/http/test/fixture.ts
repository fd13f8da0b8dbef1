import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { createHealth } from '../../health/index.ts';
import type { Health } from '../../health/index.ts';
import { recordingLogger } from '../../grpc/test/fixture.ts';
import { createMetricsRegistry } from '../../metrics/index.ts';
import type { MetricsRegistry } from '../../metrics/index.ts';
import { createSeedCa } from '../../seed-pki/index.ts';
import type { SeedCa } from '../../seed-pki/index.ts';
import { createCertificateSource } from '../../tls/index.ts';
import type { CertificateSource } from '../../tls/index.ts';
import { createHttpServer } from '../index.ts';
import type { Api, HttpServer, HttpServerOptions } from '../index.ts';

export type TlsFolder = Disposable & {
  readonly ca: SeedCa;
  readonly caPath: string;
  readonly certPath: string;
  readonly keyPath: string;
  path(name: string): string;
  /** Issues another pair in the place of the one before. */
  renew(names?: readonly string[]): Promise<void>;
};

/** A folder with a CA and a certificate for localhost. */
export async function makeTlsFolder(names: readonly string[] = ['localhost', '127.0.0.1', '::1']): Promise<TlsFolder> {
  const folder = mkdtempSync(join(tmpdir(), 'mc-http-'));
  const path = (name: string): string => join(folder, name);
  const ca = await createSeedCa('Test CA');
  writeFileSync(path('ca.pem'), ca.certPem);
  const renew = async (given: readonly string[] = names): Promise<void> => {
    const pair = await ca.issue({ names: given });
    writeFileSync(path('key.pem'), pair.keyPem, { mode: 0o600 });
    writeFileSync(path('cert.pem'), pair.certPem);
  };
  await renew();
  return {
    ca,
    caPath: path('ca.pem'),
    certPath: path('cert.pem'),
    keyPath: path('key.pem'),
    path,
    renew,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export type TestServer = AsyncDisposable & {
  readonly server: HttpServer;
  readonly origin: string;
  readonly tls: TlsFolder;
  readonly certificate: CertificateSource;
  readonly logger: ReturnType<typeof recordingLogger>;
  readonly registry: MetricsRegistry;
  readonly health: Health;
};

/** A server of these APIs on a free port of 127.0.0.1, TLS unless `plain`. */
export async function startServer(
  apis: readonly Api[],
  options: Partial<HttpServerOptions> & { readonly plain?: boolean } = {},
): Promise<TestServer> {
  await using parts = new AsyncDisposableStack();
  const tls = parts.use(await makeTlsFolder());
  const logger = recordingLogger();
  const registry = createMetricsRegistry({ system: 'demo' });
  const health = createHealth(['server']);
  health.set('server', 'serving');
  const certificate = parts.use(createCertificateSource({ ...tls, logger, intervalMs: 0 }));
  const { plain = false, ...more } = options;
  const started = await createHttpServer({
    listen: { host: '127.0.0.1', port: 0 },
    certificate: plain ? null : certificate,
    apis,
    logger,
    registry,
    health,
    version: '1.2.3',
    ...more,
  });
  const server = parts.use(started);
  const all = parts.move();
  const origin = `${plain ? 'http' : 'https'}://localhost:${server.port}`;
  return {
    server,
    origin,
    tls,
    certificate,
    logger,
    registry,
    health,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

const run = promisify(execFile);

export type CurlAnswer = {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  readonly version: string;
};

/** One request by curl; `version` is the HTTP version that was spoken. @throws when curl fails */
export async function curl(server: TestServer, path: string, ...options: readonly string[]): Promise<CurlAnswer> {
  const args = ['-sS', '-i', '--ipv4', '--cacert', server.tls.caPath, '-w', '\n%{http_version} %{response_code}'];
  const { stdout } = await run('curl', [...args, ...options, `${server.origin}${path}`]);
  const end = stdout.lastIndexOf('\n');
  const [version = '', status = ''] = stdout.slice(end + 1).split(' ');
  // Informational heads (100 Continue) come before the one that counts.
  const parts = stdout.slice(0, end).split('\r\n\r\n');
  while (/^HTTP\/\S+ 1\d\d/.test(parts[0] ?? '')) parts.shift();
  const [head = '', ...body] = parts;
  const headers = head
    .split('\r\n')
    .slice(1)
    .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()] as const);
  return { status: Number(status), headers: new Map(headers), body: body.join('\r\n\r\n'), version };
}
