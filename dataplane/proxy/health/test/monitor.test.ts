import { once } from 'node:events';
import { createServer as createHttp1 } from 'node:http';
import { createServer as createHttp2, createSecureServer, type ServerHttp2Stream } from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { checkIdOf } from '../../backends/index.ts';
import { makeCa } from '../../test/certificates.ts';
import { listen, LISTENER, makeRoute, QUICK, watch, type MonitorRig } from './rig.ts';

const HTTP = { ...QUICK, check: 'http' } as const;

const servers: Server[] = [];
const sockets = new Set<Socket>();
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  for (const socket of sockets) socket.destroy();
});

/** Counts the connections that a server got. */
function counted(server: Server): { connections: number } {
  const count = { connections: 0 };
  servers.push(server);
  server.on('connection', (socket: Socket) => {
    count.connections++;
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  return count;
}

const states = ({ monitor }: MonitorRig): boolean[] => monitor.backends().map(({ isUp }) => isUp);
const oneDown = (rig: MonitorRig) => (): boolean => states(rig).includes(false);
const allUp = (rig: MonitorRig, least: number) => (): boolean =>
  rig.monitor.passed >= least && !states(rig).includes(false);

describe('health checks', () => {
  it('PX-7 finds a backend out that refuses connections, and that it serves again', async () => {
    const gone = createServer();
    counted(gone);
    const address = await listen(gone);
    gone.close();
    await once(gone, 'close');
    const route = makeRoute('app.test', [address]);
    using rig = watch([route]);
    await rig.until(() => rig.published.length > 0);
    expect(rig.published[0]).toEqual([checkIdOf(route, address)]);
    expect(rig.reports).toMatchObject([
      { backend: { listener: LISTENER, route: 'app.test', backend: address, isUp: false }, routes: 1 },
    ]);
    expect(rig.reports[0]?.backend.problem).toMatch(/ECONNREFUSED/);

    const back = createServer();
    counted(back);
    await listen(back, Number(address.split(':')[1]));
    await rig.until(() => rig.published.length > 1);
    expect(rig.published[1]).toEqual([]);
    expect(rig.reports[1]).toMatchObject({ backend: { isUp: true, problem: '' } });
  });

  it('PX-7 asks once for all routes that would ask the same, and goes on as long as one of them is there', async () => {
    const server = createServer();
    const count = counted(server);
    const address = await listen(server);
    const slow = { ...QUICK, intervalMs: 3_600_000, timeoutMs: 60_000 };
    const [a, b] = ['a.test', 'b.test'].map((name) => makeRoute(name, [address], { health: slow }));
    if (!a || !b) throw new Error('two routes were made');
    using rig = watch([a, b]);
    await rig.until(() => rig.monitor.passed === 1);
    expect(count.connections).toBe(1);
    expect(rig.monitor.backends()).toHaveLength(2);

    rig.monitor.follow({ kind: 'route_remove', listener: LISTENER, hostname: 'a.test', kill: false });
    rig.monitor.follow({ kind: 'route_put', listener: LISTENER, route: { ...b, policies: { ...b.policies } } });
    expect(rig.monitor.backends()).toHaveLength(1);
    rig.monitor.follow({ kind: 'listener_remove', addr: LISTENER });
    expect(rig.monitor.backends()).toHaveLength(0);
    expect(rig.monitor.passed).toBe(1);
  });

  it('PX-7 forgets a verdict with the last route that wanted it', async () => {
    const route = makeRoute('app.test', ['127.0.0.1:1']);
    using rig = watch([route]);
    await rig.until(() => rig.published.length > 0);
    rig.monitor.follow({
      kind: 'route_put',
      listener: LISTENER,
      route: { ...route, health: { ...QUICK, check: 'off' } },
    });
    await rig.until(() => rig.published.length > 1);
    expect(rig.published[1]).toEqual([]);
    expect(rig.monitor.backends()).toEqual([]);
  });

  it('PX-7 asks nobody any more once it was stopped', async () => {
    const [stopped, other] = [createServer(), createServer()];
    const count = counted(stopped);
    counted(other);
    using rig = watch([makeRoute('app.test', [await listen(stopped)])]);
    await rig.until(() => rig.monitor.passed > 1);
    rig.monitor.stop();
    // What was under way may still arrive; what would be due comes no more often than this clock ticks.
    using clock = watch([makeRoute('clock.test', [await listen(other)])]);
    await clock.until(() => clock.monitor.passed > 3);
    const { connections } = count;
    await clock.until(() => clock.monitor.passed > 10);
    expect(count.connections).toBe(connections);
  });

  it('PX-7 asks by HTTP/1.1 with path and Host, and takes 2xx and 3xx for an answer', async () => {
    const asked: string[] = [];
    let status = 204;
    const server = createHttp1((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.host}`);
      response.writeHead(status).end('body');
    });
    counted(server);
    const address = await listen(server);
    const health = { ...HTTP, path: '/ready?deep=1', host: 'inside.test:80' };
    using rig = watch([makeRoute('app.test', [address], { health })]);
    await rig.until(allUp(rig, 2));
    expect(asked[0]).toBe('GET /ready?deep=1 inside.test:80');
    status = 503;
    await rig.until(oneDown(rig));
    expect(rig.monitor.backends()[0]?.problem).toBe(`${address} answered 503`);
    status = 302;
    await rig.until(allUp(rig, 1));
  });

  it('PX-7 asks by HTTP/2 where the route speaks it, and leaves no connection behind', async () => {
    const server = createHttp2();
    counted(server as Server);
    server.on('stream', (stream: ServerHttp2Stream) => stream.respond({ ':status': 200 }, { endStream: true }));
    const address = await listen(server as Server);
    using rig = watch([makeRoute('app.test', [address], { backendProtocol: 'h2c', health: HTTP })]);
    await rig.until(allUp(rig, 3));
    rig.monitor.stop();
    await rig.until(() => sockets.size === 0);
    expect(rig.monitor.failed).toBe(0);
  });

  it('PX-7 verifies TLS to the backend as the route does', async () => {
    const ca = await makeCa();
    const { certPem: cert, keyPem: key } = await ca.issue({ names: ['app.test'] });
    const server = createSecureServer({ cert, key, allowHTTP1: true }, (_request, response) => response.end('ok'));
    counted(server as Server);
    const address = await listen(server as Server);
    const tls = { backendTls: true, backendVerify: 'ca' } as const;
    const material = { certificate: null, clientCaPem: null, backendCaPem: ca.caPem };
    using rig = watch([
      makeRoute('app.test', [address], { ...tls, material, health: HTTP }),
      makeRoute('other.test', [address], { ...tls, material }),
    ]);
    await rig.until(() => rig.monitor.passed >= 2 && oneDown(rig)());
    expect(rig.monitor.backends()).toMatchObject([
      { route: 'app.test', isUp: true },
      { route: 'other.test', isUp: false, problem: expect.stringMatching(/altnames/) },
    ]);
  });

  it('PX-7 a tcp check of a TLS backend asks for the whole handshake', async () => {
    const clear = createServer((socket) => socket.end('no TLS here\r\n'));
    counted(clear);
    const ca = await makeCa();
    const { certPem: cert, keyPem: key } = await ca.issue({ names: ['app.test'] });
    const secure = createTls({ cert, key });
    counted(secure);
    const backends = [await listen(clear), await listen(secure)];
    using rig = watch([makeRoute('app.test', backends, { backendTls: true })]);
    await rig.until(() => rig.monitor.passed > 0 && oneDown(rig)());
    expect(states(rig)).toEqual([false, true]);
  });

  it('PX-7 says by PROXY LOCAL that the connection is its own', async () => {
    const received: Buffer[] = [];
    const server = createServer((socket) => socket.on('data', (chunk: Buffer) => received.push(chunk)));
    counted(server);
    using rig = watch([makeRoute('app.test', [await listen(server)], { sendProxyProtocol: true })]);
    await rig.until(() => received.length > 0);
    expect(received[0]?.toString('hex')).toBe('0d0a0d0a000d0a515549540a20000000');
  });

  it('PX-7 gives up after health_timeout, with a backend that accepts and says nothing', async () => {
    const silent = createServer((socket) => socket.resume());
    counted(silent);
    const address = await listen(silent);
    const health = { ...HTTP, intervalMs: 50, timeoutMs: 50 };
    const other = makeRoute('tls.test', [address], { backendTls: true, health: { ...health, check: 'tcp' } });
    using rig = watch([makeRoute('app.test', [address], { health }), other]);
    await rig.until(() => states(rig).every((isUp) => !isUp));
    for (const { problem } of rig.monitor.backends()) expect(problem).toBe('no answer within 50 ms');
    rig.monitor.stop();
    await rig.until(() => sockets.size === 0);
  });

  it('PX-7 asks at most 128 backends at once', async () => {
    const silent = createServer();
    const count = counted(silent);
    const port = (await listen(silent)).split(':')[1];
    const health = { ...HTTP, intervalMs: 60_000, timeoutMs: 60_000 };
    const backends = Array.from({ length: 130 }, (_, index) => `127.0.1.${index + 1}:${port}`);
    silent.close();
    const wide = createServer();
    const wideCount = counted(wide);
    wide.listen(Number(port), '0.0.0.0');
    await once(wide, 'listening');
    using rig = watch([0, 1, 2].map((n) => makeRoute(`r${n}.test`, backends.slice(n * 60, n * 60 + 60), { health })));
    await rig.until(() => wideCount.connections === 128);
    expect(rig.monitor.waiting).toBe(2);
    expect(count.connections).toBe(0);
  });
});
