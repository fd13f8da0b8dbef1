import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createLogger, openLogDestination } from '../../../../mcdsl/logging/index.ts';
import { createRateTable } from '../../../firewall/index.ts';
import { buildClientHello } from '../../../proxy/client-hello/test/build-client-hello.ts';
import { DEFAULT_HEALTH } from '../../../proxy/health/index.ts';
import type { ProxySnapshot, Route } from '../../../proxy/model.ts';
import { dial, received, startTcpBackend, type TcpBackend } from '../../test/tcp-peers.ts';
import { COUNTERS } from '../../metrics/families.ts';
import { createWorkerPool, type WorkerPool } from '../worker-pool.ts';

const ADDR = '127.0.0.1:0';

function route(hostname: string, backend: string): Route {
  return {
    hostname,
    backends: [backend],
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
}

function snapshotOf(routes: readonly Route[]): ProxySnapshot {
  return {
    generation: 1,
    geoip: null,
    backendsDown: [],
    firewall: {
      blockedIps: [],
      blockedCidrs: [],
      blockedCountries: [],
      allowedCidrs: [],
      rateLimit: 0,
      rateWindowMs: 1000,
      ratePrefixV4: 32,
      ratePrefixV6: 64,
    },
    listeners: [
      {
        addr: ADDR,
        proxyProtocol: false,
        trustedProxies: [],
        defaultRoute: '',
        maxConnections: 0,
        redirectHttp: false,
        routes,
      },
    ],
    settings: {
      connectTimeoutMs: 5000,
      idleTimeoutMs: 60_000,
      shutdownTimeoutMs: 1000,
      helloTimeoutMs: 5000,
      helloMaxBytes: 16_384,
      headerTimeoutMs: 5000,
      bodyTimeoutMs: 5000,
      maxHeaderBytes: 32_768,
      maxHeaderCount: 100,
      maxBodyBytes: 0,
      maxStreams: 128,
      ticketRotationMs: 3_600_000,
      tlsGroups: 'X25519',
    },
  };
}

const cleanups: AsyncDisposable[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup[Symbol.asyncDispose]();
});

async function startPool(
  size: number,
  crashed: (worker: number, error: string) => void,
): Promise<{ pool: WorkerPool; port: number; backend: TcpBackend }> {
  const backend = await startTcpBackend();
  cleanups.push(backend);
  // What a replacement starts with is asked for anew: a route added after the start is in it.
  const pool = await createWorkerPool({
    size,
    processMax: 1000,
    limiter: createRateTable(1024),
    accessLog: { enabled: false, sample: 1 },
    logger: createLogger({ service: 'test', level: 'fatal', destination: openLogDestination(2) }),
    program: new URL('./crashing-thread.ts', import.meta.url),
    snapshot: () => snapshotOf([route('app.example.test', backend.address)]),
    reports: () => {},
    crashed,
    lost: () => {},
  });
  cleanups.push(pool);
  const { port } = await pool.listen(ADDR, { kind: 'tcp', host: '127.0.0.1', port: 0 }, 0);
  return { pool, port, backend };
}

const HELLO = buildClientHello('app.example.test');

async function open(port: number, backend: TcpBackend): Promise<Socket> {
  const index = backend.connections.length;
  const client = await dial(port);
  client.write(HELLO);
  await received(await backend.connection(index), HELLO.length);
  return client;
}

describe('worker pool', () => {
  it('PX-25 a crashed worker is replaced; the connections of the others live, and its own are no longer counted', async () => {
    const crash = Promise.withResolvers<string>();
    const { pool, port, backend } = await startPool(2, (_worker, error) => crash.resolve(error));
    const clients: Socket[] = [];
    const gone = new Set<Socket>();
    // The kernel spreads connections over the workers by a hash of their ports: with 24 both have some.
    for (let count = 0; count < 24; count++) {
      const client = await open(port, backend);
      client.on('error', () => client.destroy());
      client.on('end', () => client.destroy());
      client.on('close', () => gone.add(client));
      client.resume();
      clients.push(client);
    }
    expect(pool.gauges.active(0)).toBe(24);

    // The setting of worker 1's share makes worker 1 throw; it can't answer any more, which nobody has to know.
    await pool.setAccessLog({ enabled: false, sample: 0.1 });
    expect(await crash.promise).toContain('worker 1 crashes');
    while (pool.gauges.active(0) + gone.size !== 24) await new Promise((resolve) => setImmediate(resolve));
    expect(gone.size).toBeGreaterThan(0);
    expect(gone.size).toBeLessThan(24);
    const survivor = clients.find((client) => !gone.has(client));
    if (!survivor) throw new Error('no connection survived');
    const echoed = once(survivor, 'data');
    for (const { socket } of backend.connections) if (!socket.destroyed) socket.write('still here');
    expect(String((await echoed)[0])).toBe('still here');

    // The replacement crashes at once by the same setting unless that is another by then.
    await pool.setAccessLog({ enabled: false, sample: 1 });
    for (let count = 0; count < 8; count++) (await open(port, backend)).destroy();
    expect(pool.crashes).toBe(1);
    const accepted = (await pool.figures()).tally.counters.accepted;
    expect(COUNTERS.accepted.labels).toEqual(['listener']);
    expect(accepted.get(ADDR)).toBeGreaterThanOrEqual(8);
  });

  it('PX-1 rejects a listener that can not be bound, and leaves nothing bound', async () => {
    const { pool } = await startPool(2, () => {});
    await expect(pool.listen('192.0.2.1:1', { kind: 'tcp', host: '192.0.2.1', port: 1 }, 1)).rejects.toMatchObject({
      message: expect.stringContaining('192.0.2.1:1') as string,
    });
  });
});
