import { createAdminSocket, examineSocket } from '../../mcdsl/admin/index.ts';
import { createAuthenticator } from '../../mcdsl/auth/index.ts';
import { createCsrf } from '../../mcdsl/csrf/index.ts';
import { createHttpServer, httpErrors, trustProxies, wantsHsts } from '../../mcdsl/http/index.ts';
import type { Lifecycle, RunningServer } from '../../mcdsl/lifecycle/index.ts';
import type { RootLogger } from '../../mcdsl/logging/index.ts';
import { addProcessMetrics, createMetricsRegistry, serveMetrics } from '../../mcdsl/metrics/index.ts';
import { createSso } from '../../mcdsl/sso/index.ts';
import { createCertificateSource } from '../../mcdsl/tls/index.ts';
import { baseStylesheet, createAssets, createTemplates } from '../../mcdsl/web/index.ts';
import type { McatConfig } from './config.ts';
import { createMcias } from './mcias.ts';
import { mcatPages } from './pages.ts';
import { createTester } from './tester.ts';

const serviceTitle = 'mcat';

export type ServerDeps = {
  readonly lifecycle: Lifecycle;
  readonly logger: RootLogger;
  readonly version: string;
  /** Reads and checks the configuration file again. @throws when it has errors, all named */
  readonly readConfig: () => McatConfig;
};

/** mcat as a server: pages before mcias, metrics, admin socket. It has no database. */
export async function startServer(config: McatConfig, deps: ServerDeps): Promise<RunningServer> {
  const { lifecycle, logger, version } = deps;
  const { stack } = lifecycle;
  const { server, sso: sign } = config;
  const { listen_addr: listen } = server;
  if (listen.kind !== 'tcp') {
    throw httpErrors.error('invalid_argument', 'server.listen_addr must be an address with a port');
  }
  await examineSocket(config.admin.socket, 'refuse');
  const certificate =
    server.tls === 'off'
      ? null
      : stack.use(createCertificateSource({ certPath: server.tls_cert, keyPath: server.tls_key, logger }));
  const registry = createMetricsRegistry({
    system: 'mcat',
    onSourceError: (error) => logger.error('a source of metrics failed', { err: error }),
  });
  stack.use(addProcessMetrics(registry, version));
  if (config.metrics.addr?.kind === 'tcp') {
    const addr = config.metrics.addr;
    stack.use(await serveMetrics({ listen: addr, registry, logger, health: () => lifecycle.health.report() }));
  }

  const mcias = stack.use(createMcias(config.mcias, logger, true));
  if (!mcias.hasToken) {
    logger.warn('without [mcias] token_file each test is a login, and neither rules nor presets can be shown');
  }
  let inForce = config;
  const presets = () => inForce.presets;
  const assets = createAssets({ 'base.css': baseStylesheet });
  const page = { service: serviceTitle, stylesheet: assets.url('base.css') };
  const { public_url: origin } = server;
  const sso = createSso({
    mcias: mcias.client,
    authenticator: createAuthenticator({ client: mcias.client, config: config.mcias, registry }),
    logger,
    redirectUri: sign.redirect_uri,
    issuer: sign.issuer === '' ? config.mcias.server_url : sign.issuer,
    origin,
    page,
  });
  const pages = mcatPages({
    tester: createTester(mcias, presets),
    sso,
    // Of a name of its own: the login form of `sso` has the cookie of the service's.
    csrf: createCsrf({ service: 'mcat-test', origin }),
    templates: createTemplates(new URL('./pages/', import.meta.url), page),
    presets,
  });
  const http = stack.use(
    await createHttpServer({
      listen,
      certificate,
      apis: [pages, sso.api, assets.api],
      logger,
      registry,
      health: lifecycle.health,
      version,
      trustedProxies: trustProxies(server.trusted_proxies),
      errorPage: sso.errorPage,
      hsts: wantsHsts(origin),
      limits: { maxBodyBytes: server.max_body },
    }),
  );
  const { socket: path, mode, group } = config.admin;
  const stats = { service: 'mcat', version, databasePath: null, registry };
  stack.use(
    await createAdminSocket({
      path,
      mode,
      group,
      services: [],
      health: lifecycle.health,
      stats,
      drain: lifecycle.drain,
      logger,
    }),
  );
  logger.info('ready', { version, host: http.host, port: http.port, admin: path });

  return {
    shutdownTimeoutMs: () => inForce.server.shutdown_timeout,
    drain: (signal) => http.drain(signal),
    kill: () => http.kill(),
    remaining: () => http.remaining(),
    async reload() {
      const next = deps.readConfig();
      certificate?.reload();
      inForce = next;
      logger.setLevel(next.log.level);
      for (const section of changedAtRestartOnly(config, next)) {
        logger.warn(`a change of ${section} takes effect at the next restart`);
      }
    },
  };
}

/** All but presets, the log level and the shutdown timeout, which change at once. */
function changedAtRestartOnly(before: McatConfig, after: McatConfig): readonly string[] {
  const of = ({ server, mcias, sso, admin, metrics }: McatConfig) =>
    Object.entries({
      '[server]': { ...server, shutdown_timeout: 0 },
      '[mcias]': mcias,
      '[sso]': sso,
      '[admin]': admin,
      '[metrics]': metrics,
    });
  const now = new Map(of(after).map(([name, value]) => [name, JSON.stringify(value)]));
  return of(before).flatMap(([name, was]) => (JSON.stringify(was) === now.get(name) ? [] : [name]));
}
