import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createRateLimiter, createRateTable } from '../../firewall/index.ts';
import { createReactor } from '../../native/index.ts';
import { buildClientHello } from '../client-hello/test/build-client-hello.ts';
import { ConnectionRegistry } from '../connections.ts';
import { allocateGauges, createGauges } from '../gauges.ts';
import { DEFAULT_HEALTH } from '../health/index.ts';
import type { Terminator } from '../l7/index.ts';
import { SETTINGS } from '../l7/test/harness.ts';
import type { ListenerSpec, Route } from '../model.ts';
import { createPipeline } from '../pipeline.ts';
import type { RelayRecord, Reporter } from '../report.ts';
import { createTables } from '../routing/tables.ts';

const LISTENER: ListenerSpec = {
  addr: ':443',
  proxyProtocol: false,
  trustedProxies: [],
  defaultRoute: '',
  maxConnections: 0,
  redirectHttp: false,
};

const ROUTE: Route = {
  hostname: 'app.test',
  backends: ['10.0.0.1:1'],
  mode: 'l4',
  sendProxyProtocol: false,
  tlsCert: '',
  tlsKey: '',
  backendTls: false,
  backendVerify: 'none',
  backendCa: '',
  backendServerName: '',
  backendProtocol: 'auto',
  clientCa: '',
  forwardedHeaders: 'set',
  health: DEFAULT_HEALTH,
  policies: { blockUserAgents: [], requireHeaders: [] },
  origin: 'api',
  material: { certificate: null, clientCaPem: null, backendCaPem: null },
};

describe('an L4 connection whose backend has not accepted yet', () => {
  it('PX-17 is listed, and killed with its route: RST, one line, nothing stays counted', async () => {
    const limiter = createRateLimiter(createRateTable(64));
    const firewall = {
      blockedIps: [],
      blockedCidrs: [],
      blockedCountries: [],
      allowedCidrs: [],
      rateLimit: 0,
      rateWindowMs: 10_000,
      ratePrefixV4: 32,
      ratePrefixV6: 64,
    };
    const listeners = [{ ...LISTENER, routes: [ROUTE] }];
    const tables = createTables(
      { generation: 0, listeners, firewall, geoip: null, backendsDown: [], settings: SETTINGS },
      limiter,
    );
    const table = tables.listener(LISTENER.addr);
    if (!table) throw new Error('the listener is in the snapshot');
    const gauges = createGauges(allocateGauges(1), 0, 100);
    const registry = new ConnectionRegistry();
    const records: RelayRecord[] = [];
    const looking = Promise.withResolvers<void>();
    await using reactor = createReactor();
    await using listener = await reactor.listen({
      endpoint: { kind: 'tcp', host: '127.0.0.1', port: 0 },
      backlog: 16,
      helloTimeoutMs: () => 5_000,
      handler: createPipeline(
        {
          tables,
          registry,
          gauges,
          nextId: () => 'c-1',
          reporter: {
            accepted: () => undefined,
            relayed: (record) => records.push(record),
          } as Partial<Reporter> as Reporter,
          terminator: {} as Terminator,
          // A backend that neither accepts nor refuses.
          relayer: { relay: () => looking.resolve() },
        },
        table,
        0,
      ),
    });

    const client = connect(listener.port, listener.host, () => client.write(buildClientHello('app.test')));
    const ended = new Promise((resolve) => client.once('error', (error: NodeJS.ErrnoException) => resolve(error.code)));
    await looking.promise;
    const all = { listener: '', hostname: '', clientIp: '', limit: 10 };
    expect(registry.list(all)).toMatchObject({ connections: [{ id: 'c-1', backend: '', bytesUp: 0 }], total: 1 });
    expect(gauges.total()).toBe(1);

    expect(registry.killRoute(':443', 'app.test')).toBe(1);
    expect(await ended).toBe('ECONNRESET');
    expect(records).toMatchObject([{ end: 'killed', backend: '', connection: { id: 'c-1' } }]);
    expect(registry.size).toBe(0);
    expect(gauges.total()).toBe(0);
  });
});
