import { afterEach, beforeEach, expect, it } from 'vitest';

import { HealthCheckResponse_ServingStatus, HealthService } from '../../../../proto/gen/grpc/health/v1/health.ts';
import { connectUnix } from '../../../../mcdsl/grpc/index.ts';
import { RouteMode } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { EXPIRED, makePemDir } from '../../certificates/test/pem-dir.ts';
import { addRoute } from './messages.ts';
import { startAdmin, twoListeners } from './running-admin.ts';
import type { AdminClient, RunningAdmin } from './running-admin.ts';

let running: RunningAdmin;
let connection: Disposable & { readonly admin: AdminClient };

beforeEach(async () => {
  running = await startAdmin(twoListeners);
  connection = await running.connect();
});

afterEach(async () => {
  connection[Symbol.dispose]();
  await running[Symbol.asyncDispose]();
});

it('shows the server, its listeners as configured and as bound, and what needs attention', async () => {
  const { listeners } = await connection.admin.listListeners({});
  expect(listeners).toEqual([
    expect.objectContaining({ addr: ':443', boundHost: '::', boundPort: 4443, activeConnections: 3, routes: 1 }),
    {
      addr: '127.0.0.1:8443',
      boundHost: '',
      boundPort: 0,
      proxyProtocol: true,
      trustedProxies: ['10.1.0.0/16'],
      defaultRoute: '',
      maxConnections: 0,
      redirectHttp: false,
      routes: 0,
      activeConnections: 0,
    },
  ]);
  expect(await connection.admin.getStatus({})).toEqual({
    version: '0.1.0',
    engine: 'portable',
    engineNote: 'MC_NATIVE=off',
    workers: 2,
    startedAt: new Date('2026-01-02T03:04:05Z'),
    generation: 0,
    state: 'serving',
    listeners,
    warnings: ['backend_verify is none'],
    activeConnections: 3,
    configFile: '/etc/mc-proxy.toml',
    database: `${running.dir}/mc-proxy.db`,
    geoip: { path: '', loaded: false, type: '', builtAt: undefined, reloadFailures: 0, lastError: '' },
  });
});

it('PX-16 a route of the API wins over the one of the file, and status and list show it', async () => {
  const { admin } = connection;
  await admin.addRoute(addRoute({ hostname: 'file.example.test' }, ':443'));
  const { warnings } = await admin.getStatus({});
  expect(warnings).toEqual([
    'backend_verify is none',
    expect.stringMatching(/file\.example\.test on :443: .*API is served.*mc-proxy\.toml:\d+:\d+/),
  ]);
  const [listed] = (await admin.listRoutes({ listener: ':443' })).routes;
  expect(listed?.route).toMatchObject({ shadowsConfig: true, backends: ['10.0.0.9:443'] });
});

it('PX-19 lists and reloads certificates; a bad pair is refused and the old one stays', async () => {
  const { admin } = connection;
  using pems = await makePemDir();
  const files = await pems.pair('app.example.test', ['app.example.test'], { days: 30 });
  await admin.addRoute(addRoute({ mode: RouteMode.L7, ...files }, ':443'));
  const [before] = (await admin.listCertificates({})).certificates;
  expect(before).toMatchObject({
    listener: ':443',
    hostname: 'app.example.test',
    certPath: files.tlsCert,
    names: ['app.example.test'],
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    error: '',
  });
  expect(before?.daysLeft).toBeGreaterThan(28);
  expect(await admin.reloadCertificates({})).toEqual({ reloaded: 0, unchanged: 1, failed: [] });

  await pems.pair('app.example.test', ['app.example.test'], EXPIRED);
  const { reloaded, failed } = await admin.reloadCertificates({});
  expect(reloaded).toBe(0);
  expect(failed).toEqual([
    expect.objectContaining({ sha256: before?.sha256, error: expect.stringContaining('expired') }),
  ]);

  await pems.pair('app.example.test', ['app.example.test'], { days: 60 });
  expect(await admin.reloadCertificates({})).toMatchObject({ reloaded: 1, failed: [] });
  const [after] = (await admin.listCertificates({})).certificates;
  expect(after?.sha256).not.toBe(before?.sha256);
});

it('passes figures on and begins a drain', async () => {
  const { admin } = connection;
  expect((await admin.getStats({})).stats).toEqual([
    { name: 'mc_proxy_refused_total', labels: { reason: 'no_sni', listener: ':443' }, value: 4 },
  ]);
  expect(await admin.drain({})).toEqual({ activeConnections: 3 });
  expect(running.drains).toBe(1);
  expect((await admin.getStatus({})).state).toBe('draining');
});

it('answers grpc.health.v1 on the same socket', async () => {
  using own = await connectUnix(running.socket);
  const { status } = await own.client(HealthService).check({ service: '' });
  expect(status).toBe(HealthCheckResponse_ServingStatus.SERVING);
});
