import { resolve } from 'node:path';

import { createAdminSocket, examineSocket } from '../../mcdsl/admin/index.ts';
import type { Frozen } from '../../mcdsl/config/index.ts';
import { takeProcessLock } from '../../mcdsl/database/index.ts';
import { listenGrpc } from '../../mcdsl/grpc/index.ts';
import { healthService } from '../../mcdsl/health/index.ts';
import { createHttpServer, trustProxies, wantsHsts } from '../../mcdsl/http/index.ts';
import type { Lifecycle, RunningServer } from '../../mcdsl/lifecycle/index.ts';
import type { RootLogger } from '../../mcdsl/logging/index.ts';
import { addProcessMetrics, createMetricsRegistry, serveMetrics } from '../../mcdsl/metrics/index.ts';
import { createCertificateSource } from '../../mcdsl/tls/index.ts';
import { serverSource } from './audit/index.ts';
import {
  createAuditQueue,
  createCallers,
  createOperations,
  createRunner,
  grpcServices,
  recordKeys,
  restApi,
  type ApiDeps,
} from './api/index.ts';
import type { IdentityConfig } from './config/index.ts';
import { identityErrors, refusal } from './errors.ts';
import { settleRpId } from './factors/index.ts';
import { initMasterKey } from './keys/index.ts';
import { createRooms, readInForce } from './rooms.ts';
import { startChores } from './server/chores.ts';
import { changedAtRestartOnly } from './server/fixed-settings.ts';
import { addIdentityMetrics, countRefusals } from './server/metrics.ts';
import { openStore } from './store/index.ts';
import { countAdmins } from './accounts/index.ts';
import { codeExchange, createWeb } from './web.ts';

export type ServerDeps = {
  readonly lifecycle: Lifecycle;
  readonly logger: RootLogger;
  readonly version: string;
  /** The operator gives up the passkeys of another `webauthn.rp_id`. */
  readonly acceptsRpIdChange: boolean;
  /** Reads and checks the configuration file again. @throws when it has errors, all named */
  readonly readConfig: () => Frozen<IdentityConfig>;
};

/**
 * mcias as a server: the database and its keys, the rooms over it, then metrics, REST and gRPC, and last the admin socket, so that
 * whoever is answered there finds everything running. The lifecycle's stack ends them in the opposite order.
 */
export async function startServer(config: Frozen<IdentityConfig>, deps: ServerDeps): Promise<RunningServer> {
  const { lifecycle, logger, version } = deps;
  const { stack } = lifecycle;
  const { server } = config;
  await examineSocket(resolve(config.admin.socket), 'refuse');
  const certificate =
    server.tls === 'off'
      ? null
      : stack.use(createCertificateSource({ certPath: server.tls_cert, keyPath: server.tls_key, logger }));

  stack.use(lockDatabase(config.database.path));
  const store = stack.use(openStore({ path: config.database.path }));
  for (const warning of store.warnings) logger.warn(warning);
  const masterKey = {
    file: config.keys.master_key_file,
    credentialsDirectory: process.env['CREDENTIALS_DIRECTORY'] ?? '',
  };
  for (const warning of initMasterKey(store, masterKey, Date.now()).warnings) logger.warn(warning);
  const inForce = readInForce(config);
  if (inForce.settings.passkeys !== null) {
    const { rpId } = inForce.settings.passkeys;
    const lost = settleRpId(store, rpId, deps.acceptsRpIdChange, Date.now());
    if (lost > 0) logger.warn('passkeys of another domain are removed', { passkeys: lost, rp_id: rpId });
  }
  const rooms = createRooms({ store, masterKey, inForce });
  await rooms.keyring.maintain(Date.now(), recordKeys(serverSource, Date.now()));
  if (countAdmins(store.reader) === 0) {
    logger.warn('there is no admin yet: run `mcias init --admin NAME` on this machine to make the first one');
  }

  const registry = createMetricsRegistry({
    system: 'mcias',
    onSourceError: (error) => logger.error('a source of metrics failed', { err: error }),
  });
  const refusals = countRefusals(registry);
  const auditQueue = createAuditQueue(store, logger);
  const api: ApiDeps = {
    ...rooms,
    callers: createCallers(rooms),
    auditQueue,
    countRefusal: refusals.reason,
    exchangeCode: codeExchange(rooms),
  };
  addIdentityMetrics(registry, api);
  stack.use(addProcessMetrics(registry, version));
  if (config.metrics.addr?.kind === 'tcp') {
    const served = stack.use(
      await serveMetrics({ listen: config.metrics.addr, registry, logger, health: () => lifecycle.health.report() }),
    );
    logger.info('metrics are served', { host: served.host, port: served.port });
  }

  stack.use(startChores(api, logger, () => certificate?.current().info.notAfter ?? null));
  const runner = createRunner(api);
  const operations = createOperations(api);
  const web = await createWeb(rooms, operations, runner, refusals);
  const trusted = trustProxies(server.trusted_proxies);
  const http = stack.use(
    await createHttpServer({
      listen: listenOf(server.listen_addr),
      certificate,
      apis: [restApi(operations, runner, rooms.keyring), ...web.apis],
      errorPage: web.errorPage,
      logger,
      registry,
      health: lifecycle.health,
      version,
      trustedProxies: trusted,
      hsts: wantsHsts(server.public_url),
      limits: { maxBodyBytes: server.max_body },
      onRefusal: refusals.error,
    }),
  );
  const grpc =
    server.grpc_addr?.kind === 'tcp'
      ? stack.use(
          await listenGrpc({
            listen: server.grpc_addr,
            certificate,
            services: [...grpcServices(operations, runner, trusted, logger), healthService(lifecycle.health)],
            logger,
            limits: { maxRequestBytes: server.max_body },
            onRefusal: refusals.error,
          }),
        )
      : null;
  const socket = stack.use(
    await createAdminSocket({
      path: resolve(config.admin.socket),
      mode: config.admin.mode,
      group: config.admin.group,
      services: [],
      health: lifecycle.health,
      stats: { service: 'mcias', version, databasePath: config.database.path, registry },
      drain: lifecycle.drain,
      logger,
    }),
  );
  logger.info('ready', {
    version,
    host: http.host,
    port: http.port,
    grpc_port: grpc?.port ?? null,
    admin: socket.path,
  });

  const remaining = (): number => http.remaining() + (grpc?.activeCalls() ?? 0);
  return {
    shutdownTimeoutMs: () => rooms.inForce().config.server.shutdown_timeout,
    async drain(signal) {
      const { shutdown_timeout: graceMs } = rooms.inForce().config.server;
      await Promise.all([http.drain(signal), grpc?.close(graceMs)]);
    },
    kill: () => http.kill(),
    remaining,
    async reload() {
      const next = readInForce(deps.readConfig());
      certificate?.reload();
      rooms.apply(next);
      logger.setLevel(next.config.log.level);
      for (const setting of changedAtRestartOnly(config, next.config)) {
        logger.warn(`a change of ${setting} takes effect at the next restart`);
      }
    },
  };
}

function listenOf(address: Frozen<IdentityConfig>['server']['listen_addr']) {
  if (address.kind === 'tcp') return address;
  throw refusal('invalid_argument', 'bad_value', { message: 'server.listen_addr must be an address with a port' });
}

/** Two servers on one database would each count logins in memory of their own, and `mcias restore` asks for this lock too. */
function lockDatabase(path: string): Disposable {
  const lock = takeProcessLock(path);
  if (lock !== null) return lock;
  throw identityErrors.error(
    'failed_precondition',
    `another server, or \`mcias restore\`, works on ${path}; end it first`,
  );
}
