import { createServer } from 'node:http';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildClientHello } from '../../proxy/client-hello/test/build-client-hello.ts';
import { listenOn } from '../../proxy/l7/test/harness.ts';
import { ctlJson, scrape, until } from './proxy-control.ts';
import { makeTempDir, startMcProxy, type RunningProxy } from './running-proxy.ts';
import { dial, fate, received, startTcpBackend, type TcpBackend } from './tcp-peers.ts';
import { ask, createPki, dialTls, type TestPki } from './tls-peers.ts';

const LISTENER = '127.0.0.1:0';
const ENDED = 'app.example.test';
const RELAYED = 'raw.example.test';
const DEAD = 'dead.example.test';

describe('PX-22 the metrics of a running mc-proxy', () => {
  const dir = makeTempDir();
  let pki: TestPki;
  let origin: Awaited<ReturnType<typeof listenOn>>;
  let backend: TcpBackend;
  let proxy: RunningProxy;

  beforeAll(async () => {
    pki = await createPki(dir);
    const { cert, key } = await pki.files(ENDED);
    origin = await listenOn(
      createServer((request, response) => response.writeHead(request.url === '/' ? 200 : 404).end('answer')),
    );
    backend = await startTcpBackend();
    proxy = await startMcProxy(
      () => `
[firewall]
blocked_ips = ["127.0.0.66"]
[[listeners]]
addr = "${LISTENER}"
[[listeners.routes]]
hostname = "${ENDED}"
backend = "${origin.address}"
mode = "l7"
tls_cert = "${cert}"
tls_key = "${key}"
[[listeners.routes]]
hostname = "${RELAYED}"
backend = "${backend.address}"
mode = "l4"
[[listeners.routes]]
hostname = "${DEAD}"
backend = "127.0.0.1:1"
mode = "l4"
`,
      { dir },
    );
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
    await backend[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  const of = (route: string, address: string): string =>
    `{listener="${LISTENER}",route="${route}",backend="${address}"}`;
  const url = (path: string): string => `http://127.0.0.1:${proxy.metricsPort}${path}`;

  it('counts connections, handshakes, requests, bytes and refusals by their labels', async () => {
    const before = await scrape(proxy);
    const connections = `mc_proxy_connections_total{listener="${LISTENER}"}`;
    expect(before.get(connections) ?? 0).toBe(0);

    for (let round = 0; round < 2; round++) {
      await ask(await dialTls(proxy.port(LISTENER), { servername: ENDED, ca: pki.caPem }), ENDED);
    }
    const hello = buildClientHello(RELAYED);
    const client = await dial(proxy.port(LISTENER));
    client.write(hello);
    const connection = await backend.connection(0);
    await received(connection, hello.length);
    const during = await scrape(proxy);
    expect(during.get(`mc_proxy_active_connections{listener="${LISTENER}"}`)).toBe(1);
    expect(during.get(`mc_proxy_backend_active_sessions${of(RELAYED, backend.address)}`)).toBe(1);
    expect(during.get(`mc_proxy_backend_active_sessions${of(ENDED, origin.address)}`)).toBe(0);
    connection.socket.end('twelve bytes');
    client.resume().end();
    await proxy.line(({ msg }) => msg === 'connection');
    expect(await fate(proxy.port(LISTENER), buildClientHello('other.test'))).toBe('reset');
    for (let round = 0; round < 3; round++) {
      expect(await fate(proxy.port(LISTENER), Buffer.alloc(0), { localAddress: '127.0.0.66' })).toBe('reset');
      await proxy.refusal('blocked_ip');
    }

    const active = `mc_proxy_active_connections{listener="${LISTENER}"}`;
    const after = await until(
      () => scrape(proxy),
      (samples) => samples.get(active) === 0,
    );
    expect(Object.fromEntries(after)).toMatchObject({
      [connections]: 7,
      [`mc_proxy_refused_total{reason="blocked_ip",listener="${LISTENER}"}`]: 3,
      [`mc_proxy_refused_total{reason="no_route",listener="${LISTENER}"}`]: 1,
      [`mc_proxy_tls_handshakes_total{listener="${LISTENER}",resumed="false"}`]: 2,
      [`mc_proxy_requests_total{route="${ENDED}",code="200",protocol="http1"}`]: 2,
      ['mc_proxy_relayed_bytes_total{mode="l4",direction="up"}']: hello.length,
      ['mc_proxy_relayed_bytes_total{mode="l4",direction="down"}']: 12,
      ['mc_proxy_request_duration_seconds_count{protocol="http1"}']: 2,
      ['mc_proxy_relay_duration_seconds_count']: 1,
      ['mc_proxy_firewall_rules{kind="blocked_ip"}']: 1,
      [`mc_proxy_served_routes{listener="${LISTENER}"}`]: 3,
    });
  });

  it('counts what becomes of the connections to a backend', async () => {
    const dead = of(DEAD, '127.0.0.1:1');
    // Of two workers one gets at least three of six, which is what ejects.
    for (let round = 0; round < 6; round++) {
      expect(await fate(proxy.port(LISTENER), buildClientHello(DEAD))).toBe('reset');
    }
    const samples = await scrape(proxy);
    expect(samples.get(`mc_proxy_backend_connect_failures_total${dead}`)).toBe(6);
    expect(samples.get(`mc_proxy_backend_ejections_total${dead}`)).toBeGreaterThan(0);
    expect(samples.has(`mc_proxy_backend_ejected_workers${dead}`)).toBe(true);
    expect(samples.has(`mc_proxy_backend_state${dead}`)).toBe(false);
    for (const queue of ['changes', 'health_checks', 'reports']) {
      expect(samples.get(`mc_proxy_queued_items{queue="${queue}"}`)).toBeGreaterThanOrEqual(0);
    }
  });

  it('mcproxyctl stats has the same families', async () => {
    const { code, stdout } = await proxy.ctl('stats');
    expect(code).toBe(0);
    const familyOf = (sample: string): string => sample.replace(/[{ ].*$/, '');
    const shown = new Set(stdout.trim().split('\n').map(familyOf));
    for (const name of (await scrape(proxy)).keys()) expect(shown).toContain(familyOf(name));
    expect(await ctlJson(proxy, 'stats')).toContainEqual({
      name: 'mc_proxy_refused_total',
      labels: { reason: 'blocked_ip', listener: LISTENER },
      value: 3,
    });
  });

  it('answers /metrics in the text format, /v1/health with 200, and nothing else', async () => {
    const metrics = await fetch(url('/metrics'));
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await metrics.text()).toMatch(/^# HELP mc_proxy_refused_total .*\n# TYPE mc_proxy_refused_total counter$/m);
    const health = await fetch(url('/v1/health'));
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({ status: 'serving' });
    expect((await fetch(url('/etc/passwd'))).status).toBe(404);
    expect((await fetch(url('/metrics'), { method: 'POST' })).status).toBe(405);
  });
});
