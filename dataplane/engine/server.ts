import { resolve } from 'node:path';
import { createAdminSocket, examineSocket } from '../../mcdsl/admin/index.ts';
import type { Lifecycle, RunningServer } from '../../mcdsl/lifecycle/index.ts';
import type { RootLogger } from '../../mcdsl/logging/index.ts';
import { addProcessMetrics, createMetricsRegistry, serveMetrics } from '../../mcdsl/metrics/index.ts';
import { takeListenFds } from '../../mcdsl/systemd/index.ts';
import { createProxyAdmin, type AdminDeps, type ServerView } from './admin/index.ts';
import type { Desired, ProcessSettings } from './config/index.ts';
import { startEngine, type Engine } from './engine.ts';
import { findPredecessor } from './predecessor.ts';
import { inheritServingLock, takeServingLock } from './serving-lock.ts';
import { statusPage, type StatusSource } from './status-page/status-page.ts';

export interface ServerDeps {
  readonly lifecycle: Lifecycle;
  readonly logger: RootLogger;
  readonly version: string;
  /** Replace the server that runs on this configuration (PX-21) instead of refusing to start beside it. */
  readonly takeOver: boolean;
  /** Reads and checks the configuration file again. @throws when it has errors, all named */
  readonly readConfig: () => Desired;
}

/**
 * mc-proxy as a server: first the question whether another one runs on this configuration, since listeners with SO_REUSEPORT would
 * share its traffic instead of failing; then the engine, then metrics, then the admin socket, so that whoever is answered finds everything running.
 * The lifecycle's stack ends them in the opposite order.
 */
export async function startServer(desired: Desired, deps: ServerDeps): Promise<RunningServer> {
  const { lifecycle, logger, version } = deps;
  const { process: settings } = desired;
  let current = desired;
  const adminPath = resolve(settings.adminSocket.path);
  await examineSocket(adminPath, deps.takeOver ? 'replace' : 'refuse');
  using predecessor = deps.takeOver ? await findPredecessor(adminPath) : null;
  let serving = predecessor ? null : takeServingLock(settings.databasePath, adminPath, logger);
  lifecycle.stack.defer(() => serving?.[Symbol.dispose]());
  const inherited = inheritedSockets();
  const engine = lifecycle.stack.use(
    await startEngine(desired, { logger, inherited, takesOver: predecessor !== null }),
  );

  const registry = createMetricsRegistry({
    system: 'proxy',
    onSourceError: (error) => logger.error('a source of metrics failed', { err: error }),
  });
  registry.addSource(engine.metrics);
  lifecycle.stack.use(addProcessMetrics(registry, version));
  const admin: AdminDeps = {
    state: engine.state,
    events: engine.events,
    tables: engine.tables,
    connections: (filter) => engine.pool.connections(filter),
    killConnection: (id) => engine.pool.killConnection(id),
    bound: () => engine.listeners.list(),
    server: () => serverView(engine, current.process, lifecycle, version),
    geoip: () => engine.geoip.state(),
    stats: () => registry.samples(),
    drain: () => lifecycle.drain.begin(null),
  };
  if (settings.metricsAddress?.kind === 'tcp') {
    const served = lifecycle.stack.use(
      await serveMetrics({
        listen: settings.metricsAddress,
        registry,
        logger,
        reusePort: true,
        health: () => lifecycle.health.report(),
        routes: settings.statusPage ? { '/': () => statusPage(pageSource(admin)) } : {},
      }),
    );
    logger.info('metrics are served', { host: served.host, port: served.port });
  }

  if (predecessor) {
    // Both accept until here; from here on only this one does.
    await predecessor.drain();
    engine.takenOver();
    serving = await inheritServingLock(settings.databasePath, logger);
    logger.info('took over from the server that ran on this configuration');
  }
  const socket = lifecycle.stack.use(
    await createAdminSocket({
      path: settings.adminSocket.path,
      mode: settings.adminSocket.mode,
      group: settings.adminSocket.group,
      services: [createProxyAdmin(admin)],
      health: lifecycle.health,
      stats: { service: 'mc-proxy', version, databasePath: settings.databasePath, registry },
      drain: lifecycle.drain,
      logger,
      whenLive: deps.takeOver ? 'replace' : 'refuse',
    }),
  );
  if (engine.pool.engineNote !== '') logger.warn('the native core is not in use', { why: engine.pool.engineNote });
  logger.info('ready', { version, engine: engine.pool.engine, workers: engine.pool.size, admin: socket.path });

  return {
    shutdownTimeoutMs: () => current.configured.settings.shutdownTimeoutMs,
    drain() {
      // A successor may serve from here on.
      serving?.[Symbol.dispose]();
      return engine.drain();
    },
    kill() {
      engine.kill().catch((error: unknown) => logger.error('cutting connections off failed', { err: error }));
    },
    remaining: () => engine.connections(),
    async reload() {
      const next = deps.readConfig();
      await engine.reload(next);
      current = next;
      logger.setLevel(next.process.logLevel);
      for (const setting of changedAtRestartOnly(settings, next.process)) {
        logger.warn(`a change of ${setting} takes effect at the next restart`);
      }
    },
  };
}

function serverView(engine: Engine, settings: ProcessSettings, lifecycle: Lifecycle, version: string): ServerView {
  return {
    version,
    engine: engine.pool.engine,
    engineNote: engine.pool.engineNote,
    workers: engine.pool.size,
    startedAt: engine.startedAt,
    state: lifecycle.drain.status().state === 'serving' ? 'serving' : 'draining',
    configFile: settings.configFile,
    database: settings.databasePath,
    warnings: engine.health.warnings(),
  };
}

function pageSource({ server, bound, state, events, stats }: AdminDeps): StatusSource {
  return {
    server: () => ({ ...server(), warnings: [...server().warnings, ...state.warnings()] }),
    bound,
    certificates: () => state.certificates(),
    recentEvents: (last) => events.recent({}, last),
    samples: stats,
  };
}

/** The first socket of each name: a listening socket is closed by whoever ends first, so one worker owns it. */
function inheritedSockets(): ReadonlyMap<string, number> {
  const passed = [...takeListenFds()].flatMap(([name, [first]]) =>
    first === undefined ? [] : [[name, first] as const],
  );
  return new Map(passed);
}

function changedAtRestartOnly(before: ProcessSettings, after: ProcessSettings): string[] {
  const fixed = {
    '[database] path': [before.databasePath, after.databasePath],
    '[admin]': [before.adminSocket, after.adminSocket],
    '[metrics]': [before.metricsAddress, after.metricsAddress],
    '[proxy] workers': [before.workers, after.workers],
  };
  return Object.entries(fixed).flatMap(([name, [old, now]]) =>
    JSON.stringify(old) === JSON.stringify(now) ? [] : [name],
  );
}
