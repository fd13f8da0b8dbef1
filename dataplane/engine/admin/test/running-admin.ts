import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createAdminSocket } from '../../../../mcdsl/admin/index.ts';
import type { AdminSocket } from '../../../../mcdsl/admin/index.ts';
import { formatProblems, loadConfigText } from '../../../../mcdsl/config/index.ts';
import { connectUnix } from '../../../../mcdsl/grpc/index.ts';
import type { ServiceClient } from '../../../../mcdsl/grpc/index.ts';
import { recordingLogger } from '../../../../mcdsl/grpc/test/fixture.ts';
import { createHealth } from '../../../../mcdsl/health/index.ts';
import { createMetricsRegistry } from '../../../../mcdsl/metrics/index.ts';
import { ProxyAdminService } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { createRateLimiter, createRateTable } from '../../../firewall/index.ts';
import { ConnectionRegistry } from '../../../proxy/connections.ts';
import type { SnapshotChange } from '../../../proxy/model.ts';
import { createTables } from '../../../proxy/routing/tables.ts';
import type { ProxyTables } from '../../../proxy/routing/tables.ts';
import { proxyConfig, toDesired } from '../../config/index.ts';
import { createEventLog } from '../../events/index.ts';
import type { EventLog } from '../../events/index.ts';
import { createState } from '../../state/index.ts';
import type { State } from '../../state/index.ts';
import { openStore } from '../../store/index.ts';
import { createProxyAdmin } from '../index.ts';
import type { GeoipView } from '../index.ts';

export type AdminClient = ServiceClient<typeof ProxyAdminService>;

/** The admin socket over a real state and database; only the workers are played, by the main thread's tables. */
export interface RunningAdmin extends AsyncDisposable {
  readonly dir: string;
  readonly socket: string;
  readonly state: State;
  readonly events: EventLog;
  readonly tables: ProxyTables;
  /** Of the one worker that is played. */
  readonly connections: ConnectionRegistry;
  readonly log: ReturnType<typeof recordingLogger>['lines'];
  /** Calls of Drain. */
  readonly drains: number;
  geoip: GeoipView;
  /** What workers do before they confirm a change; replace it to hold or fail one. */
  publish: (changes: readonly SnapshotChange[]) => Promise<void>;
  /** A connection of its own. */
  connect(): Promise<Disposable & { readonly admin: AdminClient }>;
  /** As kill -9 and a new start: only what is in the database file survives. */
  restart(): Promise<void>;
  /** Closes the admin socket as a shutdown does. */
  shutDown(): Promise<void>;
}

export const oneListener = `
[[listeners]]
addr = ":443"
default_route = ""
[[listeners.routes]]
hostname = "file.example.test"
backend = "10.0.0.7:8443"
mode = "l4"
[firewall]
blocked_cidrs = ["192.0.2.0/24"]
allowed_cidrs = ["10.0.0.0/8"]
rate_limit = 20
`;

export const twoListeners = `${oneListener}
[[listeners]]
addr = "127.0.0.1:8443"
proxy_protocol = true
trusted_proxies = ["10.1.0.0/16"]
`;

export async function startAdmin(configText = oneListener): Promise<RunningAdmin> {
  const dir = mkdtempSync(join(tmpdir(), 'mc-proxy-admin-'));
  const database = join(dir, 'mc-proxy.db');
  const events = createEventLog();
  const logger = recordingLogger();
  const connections = new ConnectionRegistry();
  let drains = 0;
  let { state, tables, socket } = await start();

  async function start(): Promise<{ state: State; tables: ProxyTables; socket: AdminSocket }> {
    const loaded = loadConfigText(proxyConfig, { file: 'mc-proxy.toml', text: configText });
    if (!loaded.ok) throw new Error(formatProblems(loaded.problems));
    const created = createState(
      {
        configured: toDesired(loaded).configured,
        store: openStore({ path: database }),
        async publish(_generation, changes) {
          await running.publish(changes);
          for (const change of changes) served.apply(change);
        },
        report: (event) => events.record(event),
        failed(what, error) {
          throw new Error(what, { cause: error });
        },
      },
      { certificatePollMs: 0 },
    );
    const served = createTables(created.snapshot(), createRateLimiter(createRateTable(1024)));
    const admin = createProxyAdmin({
      state: created,
      events,
      tables: served,
      connections: async (filter) => connections.list(filter),
      killConnection: async (id) => connections.kill(id),
      bound: () => [{ addr: ':443', host: '::', port: 4443, active: 3 }],
      server: () => ({
        version: '0.1.0',
        engine: 'portable',
        engineNote: 'MC_NATIVE=off',
        workers: 2,
        startedAt: new Date('2026-01-02T03:04:05Z'),
        state: drains === 0 ? 'serving' : 'draining',
        configFile: '/etc/mc-proxy.toml',
        database,
        warnings: ['backend_verify is none'],
      }),
      geoip: () => running.geoip,
      stats: async () => [{ name: 'mc_proxy_refused_total', labels: { reason: 'no_sni', listener: ':443' }, value: 4 }],
      drain: () => void drains++,
    });
    const opened = await createAdminSocket({
      path: join(dir, 'mc-proxy.sock'),
      services: [admin],
      health: createHealth([]),
      stats: {
        service: 'mc-proxy',
        version: '0.1.0',
        databasePath: database,
        registry: createMetricsRegistry({ system: 'proxy' }),
      },
      drain: {
        status: () => ({ state: 'serving', deadline: null, remaining: 0 }),
        begin: () => undefined,
        onChange: () => () => undefined,
      },
      logger,
    });
    return { state: created, tables: served, socket: opened };
  }

  const running: RunningAdmin = {
    dir,
    socket: join(dir, 'mc-proxy.sock'),
    get state() {
      return state;
    },
    events,
    get tables() {
      return tables;
    },
    connections,
    log: logger.lines,
    get drains() {
      return drains;
    },
    geoip: { path: '', loaded: null, reloadFailures: 0, lastError: '' },
    publish: () => Promise.resolve(),
    async connect() {
      const connection = await connectUnix(join(dir, 'mc-proxy.sock'));
      return {
        admin: connection.client(ProxyAdminService),
        [Symbol.dispose]: () => connection[Symbol.dispose](),
      };
    },
    async restart() {
      await socket.close(0);
      await state[Symbol.asyncDispose]();
      ({ state, tables, socket } = await start());
    },
    shutDown: () => socket.close(10_000),
    async [Symbol.asyncDispose]() {
      await socket.close(0);
      await state[Symbol.asyncDispose]();
      rmSync(dir, { recursive: true });
    },
  };
  return running;
}
