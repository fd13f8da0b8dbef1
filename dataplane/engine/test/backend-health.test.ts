import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildClientHello } from '../../proxy/client-hello/test/build-client-hello.ts';
import { listenOn } from '../../proxy/l7/test/harness.ts';
import { ctlJson, event, lineAfter, scrape, until } from './proxy-control.ts';
import { makeTempDir, startMcProxy, type RunningProxy } from './running-proxy.ts';
import { dial, startTcpBackend, type TcpBackend } from './tcp-peers.ts';
import { ask, createPki, dialTls, type TestPki } from './tls-peers.ts';

const LISTENER = '127.0.0.1:0';
const APP = 'app.example.test';
const RAW = 'raw.example.test';

/** An origin that says who it is, and is well or not. */
async function startOrigin(name: string) {
  const origin = { isWell: true, checks: 0 };
  const server = createServer((request, response) => {
    if (request.url === '/ready') origin.checks++;
    response.writeHead(request.url === '/ready' && !origin.isWell ? 503 : 200).end(name);
  });
  return Object.assign(origin, await listenOn(server));
}

describe('health checks of a running mc-proxy', () => {
  const dir = makeTempDir();
  let pki: TestPki;
  let first: Awaited<ReturnType<typeof startOrigin>>;
  let second: Awaited<ReturnType<typeof startOrigin>>;
  let raw: TcpBackend;
  let proxy: RunningProxy;

  beforeAll(async () => {
    pki = await createPki(dir);
    const { cert, key } = await pki.files(APP);
    first = await startOrigin('first');
    second = await startOrigin('second');
    raw = await startTcpBackend();
    proxy = await startMcProxy(
      () => `
[[listeners]]
addr = "${LISTENER}"
[[listeners.routes]]
hostname = "${APP}"
backends = ["${first.address}", "${second.address}"]
mode = "l7"
tls_cert = "${cert}"
tls_key = "${key}"
health_check = "http"
health_path = "/ready"
health_interval = "500ms"
health_fall = 2
health_rise = 1
`,
      { dir },
    );
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    for (const peer of [first, second, raw]) await peer[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  const up = (address: string, route = APP): string =>
    `mc_proxy_backend_state{listener="${LISTENER}",route="${route}",backend="${address}"}`;
  const whenUp = (address: string, value: number): Promise<unknown> =>
    until(
      () => scrape(proxy),
      (samples) => samples.get(up(address)) === value,
    );
  async function answers(count: number): Promise<Set<string>> {
    const bodies = new Set<string>();
    for (let i = 0; i < count; i++) {
      const answer = await ask(await dialTls(proxy.port(LISTENER), { servername: APP, ca: pki.caPem }), APP);
      bodies.add(/(?:first|second)$/m.exec(answer)?.[0] ?? answer);
    }
    return bodies;
  }

  it('PX-7 an unhealthy backend gets no requests, on any worker, until it is healthy again', async () => {
    await whenUp(first.address, 1);
    expect(await answers(20)).toEqual(new Set(['first', 'second']));
    const from = proxy.lines.length;
    first.isWell = false;
    const line = await lineAfter(proxy, from, ({ msg }) => msg === 'a backend is down');
    expect(line).toMatchObject({ listener: LISTENER, route: APP, backend: first.address, level: 'warn' });
    await whenUp(first.address, 0);
    expect(await answers(20)).toEqual(new Set(['second']));
    expect((await scrape(proxy)).get(up(second.address))).toBe(1);
    const detail = `${first.address} is down: ${first.address} answered 503`;
    expect(await event(proxy, (told) => told.detail === detail)).toMatchObject({ kind: 'backend', route: APP });
    const { stdout } = await proxy.ctl('status');
    expect(stdout).toContain(
      `route ${APP} on ${LISTENER}: 1 of 2 backends fail their health checks: ${first.address} (${first.address} answered 503)`,
    );
    first.isWell = true;
    await lineAfter(proxy, from, ({ msg }) => msg === 'a backend is up again');
    await whenUp(first.address, 1);
    expect(await answers(20)).toEqual(new Set(['first', 'second']));
  });

  it('PX-7 when every backend is unhealthy all are tried: the checks may be what is wrong', async () => {
    first.isWell = second.isWell = false;
    await whenUp(first.address, 0);
    await whenUp(second.address, 0);
    expect(await answers(20)).toEqual(new Set(['first', 'second']));
    expect((await proxy.ctl('status')).stdout).toContain(
      'every backend fails its health checks, and is tried all the same',
    );
    const page = await (await fetch(`http://127.0.0.1:${proxy.metricsPort}/`)).text();
    expect(page).toMatch(new RegExp(`<td>${APP}</td><td>${first.address}</td><td>down</td>`));
    first.isWell = second.isWell = true;
    await whenUp(first.address, 1);
    await whenUp(second.address, 1);
  });

  it('PX-7 routes of the API are checked as those of the file, and connections are not wasted on what is down', async () => {
    const options = ['--health-check', 'tcp', '--health-interval', '500ms', '--health-rise', '1'];
    const backends = ['--backend', '127.0.0.1:1', '--backend', raw.address];
    await ctlJson(proxy, 'routes', 'add', '--hostname', RAW, '--mode', 'l4', ...backends, ...options);
    await until(
      () => scrape(proxy),
      (samples) => samples.get(up('127.0.0.1:1', RAW)) === 0,
    );
    const probes = raw.connections.length;
    expect(probes).toBeGreaterThan(0);
    const hello = buildClientHello(RAW);
    const served = (): number => raw.connections.filter(({ received }) => received.length > 0).length;
    for (let i = 0; i < 10; i++) {
      const client = await dial(proxy.port(LISTENER));
      client.write(hello);
      while (served() <= i) await new Promise((resolve) => setImmediate(resolve));
      client.destroy();
    }
    const failures = `mc_proxy_backend_connect_failures_total{listener="${LISTENER}",route="${RAW}",backend="127.0.0.1:1"}`;
    expect((await scrape(proxy)).get(failures) ?? 0).toBe(0);

    await ctlJson(proxy, 'routes', 'remove', '--hostname', RAW);
    expect((await scrape(proxy)).has(up(raw.address, RAW))).toBe(false);
  });
});
