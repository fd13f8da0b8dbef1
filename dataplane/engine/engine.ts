import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { RootLogger } from '../../mcdsl/logging/index.ts';
import { createRateLimiter, createRateTable, firewallSizes } from '../firewall/index.ts';
import type { SnapshotChange } from '../proxy/model.ts';
import { createTables, type ProxyTables } from '../proxy/routing/tables.ts';
import type { Desired } from './config/index.ts';
import { createEventLog, type EventLog } from './events/index.ts';
import { proxyMetrics } from './metrics/proxy-metrics.ts';
import { createBackendHealth, type BackendHealth } from './runtime/backend-health.ts';
import { createGeoipSource, type GeoipSource } from './runtime/geoip-source.ts';
import { createListeners, type Listeners } from './runtime/listeners.ts';
import { maxConnectionsOfProcess } from './runtime/process-limits.ts';
import { createReportSink } from './runtime/report-sink.ts';
import { createStateReport } from './runtime/state-report.ts';
import { createState, type State } from './state/index.ts';
import { openStore } from './store/index.ts';
import { createWorkerPool, type WorkerPool } from './worker/worker-pool.ts';

/** The running data plane behind the admin API: workers, desired state, listening sockets. */
export interface Engine extends AsyncDisposable {
  readonly state: State;
  readonly events: EventLog;
  readonly listeners: Listeners;
  readonly geoip: GeoipSource;
  readonly health: BackendHealth;
  readonly pool: WorkerPool;
  /** What the main thread decides by when it explains. */
  readonly tables: ProxyTables;
  readonly startedAt: Date;
  readonly metrics: ReturnType<typeof proxyMetrics>;
  /** With `takesOver`: the other process writes no more, so this one may; only now its changes may be acknowledged. */
  takenOver(): void;
  /** Takes a checked configuration over. When it can't be served whole, the one before is in force again and this rejects. */
  reload(next: Desired): Promise<void>;
  /** Client connections open now. */
  connections(): number;
  /** Stops accepting, tells clients, and resolves when the last connection has ended. */
  drain(): Promise<void>;
  /** RST to every connection. */
  kill(): Promise<void>;
}

export interface EngineDeps {
  readonly logger: RootLogger;
  /** Listening sockets of the service manager, by name. */
  readonly inherited: ReadonlyMap<string, number>;
  /** Another process served this database until now: it must not write what this one, having read it, doesn't know. */
  readonly takesOver: boolean;
}

const IDLE_POLL_MS = 50;

/** Starts everything but the admin socket and the metrics server; rejects, with nothing left running, when a listener can't be bound. */
export async function startEngine(desired: Desired, deps: EngineDeps): Promise<Engine> {
  const { logger, inherited, takesOver } = deps;
  await using starting = new AsyncDisposableStack();
  const startedAt = new Date();
  const events = createEventLog();
  const sink = createReportSink(logger, events);
  const publish = async (generation: number, changes: readonly SnapshotChange[]): Promise<void> => {
    for (const change of changes) {
      tables.apply(change);
      health?.follow(change);
    }
    await pool.publish(generation, changes);
  };
  const geoip = starting.use(
    createGeoipSource({
      logger,
      events,
      async loaded(buffer) {
        // Before the pool runs there is nobody to tell: workers begin with the snapshot.
        if (running) await publish(state.generation, [{ kind: 'geoip', buffer }]);
      },
    }),
  );
  let running = false;
  let health: BackendHealth | null = null;
  await geoip.use(desired.process.geoipDb);

  const store = openStore({ path: desired.process.databasePath });
  const hold = takesOver ? store.holdWrites() : null;
  const state = starting.use(
    createState({
      configured: desired.configured,
      store,
      publish,
      report: createStateReport(logger, events),
      failed: (what, error) => logger.error(what, { err: error }),
      observed: () => ({ geoip: geoip.buffer, backendsDown: health?.down ?? [] }),
    }),
  );
  for (const warning of state.warnings()) logger.warn(warning);

  const rateTable = createRateTable();
  const limiter = createRateLimiter(rateTable);
  const tables = createTables(state.snapshot(), limiter);
  const pool = starting.use(
    await createWorkerPool({
      size: desired.process.workers || availableParallelism(),
      processMax: maxConnectionsOfProcess(),
      limiter: rateTable,
      accessLog: desired.process.accessLog,
      logger,
      snapshot: () => state.snapshot(),
      reports: (batch) => sink.take(batch),
      crashed: (worker, error) => events.record({ kind: 'worker', detail: `worker ${worker} crashed: ${error}` }),
      lost(addr) {
        // Nobody catches it: the process ends, and the service manager starts it again with the socket that it kept.
        queueMicrotask(() => {
          throw new Error(`listener ${addr}: the inherited socket was closed with the worker that crashed`);
        });
      },
    }),
  );
  running = true;
  health = starting.use(
    createBackendHealth(state.snapshot().listeners, {
      logger,
      events,
      publish: (down) => publish(state.generation, [{ kind: 'backends_down', down }]),
    }),
  );
  const checked = health;
  const listeners = createListeners(pool, inherited, logger);
  await listeners.reconcile(addrsOf(desired));

  const metrics = proxyMetrics(
    () => pool.figures(),
    () => ({
      activeConnections: listeners.list().map(({ addr, active }) => ({ listener: addr, active })),
      routes: state.listeners().map(({ spec, routes }) => ({ listener: spec.addr, routes })),
      firewallRules: Object.entries(firewallSizes(tables.firewall)).map(([kind, rules]) => ({ kind, rules })),
      certificates: state
        .certificates()
        .flatMap(({ listener, hostname, info }) =>
          info ? [{ listener, hostname, daysLeft: (info.notAfter.getTime() - Date.now()) / 86_400_000 }] : [],
        ),
      limiterEntries: limiter.stats().occupied,
      limiterEvictions: limiter.stats().evictions,
      geoipReloadFailures: geoip.state().reloadFailures,
      geoipLoaded: geoip.buffer !== null,
      workerCrashes: pool.crashes,
      generation: state.generation,
      droppedReports: sink.dropped,
      droppedLogLines: logger.stats().droppedLines,
      backends: checked.backends(),
      healthChecks: { passed: checked.passed, failed: checked.failed },
      queues: { changes: state.waiting, health_checks: checked.waiting },
      limiterLocksBroken: limiter.stats().locksBroken,
    }),
  );

  let current = desired;
  let killed: Promise<void> = Promise.resolve();
  const resources = starting.move();
  return {
    state,
    events,
    listeners,
    geoip,
    health: checked,
    pool,
    tables,
    startedAt,
    metrics,
    async reload(next) {
      await state.reload(next.configured);
      try {
        await listeners.reconcile(addrsOf(next));
      } catch (error) {
        await state.reload(current.configured);
        await listeners.reconcile(addrsOf(current));
        throw error;
      }
      current = next;
      await pool.setAccessLog(next.process.accessLog);
      await geoip.use(next.process.geoipDb);
    },
    takenOver: () => hold?.[Symbol.dispose](),
    connections: () => pool.gauges.total(),
    async drain() {
      state.close();
      checked.stop();
      await pool.drain();
      while (pool.gauges.total() > 0) await delay(IDLE_POLL_MS);
    },
    kill() {
      killed = pool.kill();
      return killed;
    },
    async [Symbol.asyncDispose]() {
      // Ending the workers would cut an RST off that is still under way to them.
      await killed;
      await resources.disposeAsync();
    },
  };
}

function addrsOf(desired: Desired): string[] {
  return desired.configured.listeners.map(({ spec }) => spec.addr);
}
