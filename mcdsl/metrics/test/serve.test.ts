import { once } from 'node:events';
import net from 'node:net';
import { text } from 'node:stream/consumers';

import { describe, expect, it } from 'vitest';

import type { WireBody } from '../../errors/index.ts';
import { createLogger } from '../../logging/index.ts';
import { createMetricsRegistry, serveMetrics } from '../index.ts';
import type { MetricsServerOptions } from '../index.ts';

const loopback = { host: '127.0.0.1', port: 0 };

async function start(more: Partial<MetricsServerOptions> = {}) {
  const log: string[] = [];
  const logger = createLogger({
    service: 'demo',
    level: 'info',
    destination: {
      write: (line) => void log.push(line),
      flush: () => undefined,
      stats: () => ({ droppedLines: 0, bufferedBytes: 0 }),
      [Symbol.dispose]: () => undefined,
    },
  });
  const registry = createMetricsRegistry({ system: 'demo' });
  const server = await serveMetrics({ listen: loopback, registry, logger, ...more });
  return { server, registry, log, url: (path: string) => `http://127.0.0.1:${server.port}${path}` };
}

/** Sends bytes as they are and returns all that comes back until the server closes. */
async function raw(port: number, bytes: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(bytes);
  return text(socket);
}

async function errorOf(answer: Response): Promise<WireBody['error']> {
  return ((await answer.json()) as WireBody).error;
}

describe('metrics server', () => {
  it('serves the registry, health and extra routes', async () => {
    const report = { httpStatus: 503, body: { status: 'not_serving' } };
    const { server, registry, url } = await start({
      health: () => report,
      routes: { '/status': (query) => ({ status: 200, contentType: 'text/html', body: `n=${query.get('n')}` }) },
    });
    await using _server = server;
    registry.counter({ name: 'mc_demo_events_total', help: 'h', labels: [] }).inc({});
    const metrics = await fetch(url('/metrics'));
    expect([metrics.status, metrics.headers.get('content-type')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ]);
    expect(metrics.headers.get('cache-control')).toBe('no-store');
    expect(await metrics.text()).toContain('\nmc_demo_events_total 1\n');
    const health = await fetch(url('/v1/health'));
    expect([health.status, await health.json()]).toEqual([503, { status: 'not_serving' }]);
    expect(await (await fetch(url('/status?n=4&m'))).text()).toBe('n=4');
    const head = await fetch(url('/metrics'), { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  it('answers 404 and 405 with the body of every error', async () => {
    const { server, url } = await start();
    await using _server = server;
    const missing = await fetch(url('/'));
    expect([missing.status, await missing.json()]).toEqual([
      404,
      { error: { code: 'not_found', message: 'nothing is served at this path', details: {} } },
    ]);
    expect((await fetch(url('/v1/health'))).status).toBe(404);
    const posted = await fetch(url('/metrics'), { method: 'POST', body: 'x' });
    expect([posted.status, posted.headers.get('allow'), (await errorOf(posted)).code]).toEqual([
      405,
      'GET, HEAD',
      'method_not_allowed',
    ]);
  });

  it('hides what a route throws and logs it with the id that was answered', async () => {
    const { server, url, log } = await start({
      routes: { '/bad': () => Promise.reject(new Error('planted /srv/path')) },
    });
    await using _server = server;
    const answer = await fetch(url('/bad'));
    const error = await errorOf(answer);
    expect([answer.status, error.code]).toEqual([500, 'internal']);
    expect(JSON.stringify(error)).not.toContain('planted');
    expect(JSON.parse(log[0]!)).toMatchObject({
      error_id: error.details['error_id'],
      err: { message: 'planted /srv/path' },
    });
  });

  it('does not read bodies, nor take them for the next request', async () => {
    const { server } = await start();
    await using _server = server;
    const inner = 'GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n';
    const answer = await raw(
      server.port,
      `GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });

  it.each([
    ['no HTTP', '\u0016\u0003\u0001\r\n\r\n', 400],
    ['a head that is too large', `GET /metrics HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(9000)}\r\n\r\n`, 431],
    ['two lengths', 'GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    ['no Host', 'GET /metrics HTTP/1.1\r\n\r\n', 400],
    ['a path in absolute form', 'GET http://a/metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 404],
    ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', null],
  ])('answers %s and goes on', async (_, bytes, status) => {
    const { server, url } = await start();
    await using _server = server;
    const answer = await raw(server.port, bytes);
    expect(answer).toMatch(status === null ? /^$/ : new RegExp(`^HTTP/1.1 ${status} `));
    expect((await fetch(url('/metrics'))).status).toBe(200);
  });

  it('ends at once when disposed, whatever its clients do', async () => {
    const { server } = await start();
    const idle = net.connect(server.port, '127.0.0.1');
    const closed = once(idle, 'close');
    idle.on('error', () => undefined);
    await once(idle, 'connect');
    await server[Symbol.asyncDispose]();
    await closed;
    await server[Symbol.asyncDispose]();
    const again = net.connect(server.port, '127.0.0.1');
    const [error] = await once(again, 'error').catch((e: unknown) => [e]);
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('says which address is taken', async () => {
    const { server } = await start();
    await using _server = server;
    await expect(start({ listen: { host: '127.0.0.1', port: server.port } })).rejects.toMatchObject({
      code: 'listen_failed',
      message: expect.stringContaining(`cannot serve metrics on 127.0.0.1:${server.port}: listen EADDRINUSE`),
    });
  });

  it('warns when others can reach it, and only then', async () => {
    const inside = await start();
    await inside.server[Symbol.asyncDispose]();
    expect(inside.log).toEqual([]);
    const outside = await start({ listen: { host: null, port: 0 } });
    await outside.server[Symbol.asyncDispose]();
    expect(outside.log).toEqual([expect.stringContaining('served without authentication')]);
  });

  it('refuses routes that are malformed or taken', async () => {
    const route = () => ({ status: 200, contentType: 'text/plain', body: '' });
    for (const path of ['status', '/metrics']) {
      await expect(start({ routes: { [path]: route } })).rejects.toThrowError(/malformed or defined twice/);
    }
  });
});
