import { once } from 'node:events';
import { readdirSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { connect as connectHttp2, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireClient } from '../../../deploy/checks/clients.ts';
import { buildClientHello } from '../../proxy/client-hello/test/build-client-hello.ts';
import { listenOn } from '../../proxy/l7/test/harness.ts';
import { scrape, until } from './proxy-control.ts';
import { makeTempDir, run, startMcProxy, type RunningProxy } from './running-proxy.ts';
import { dial, fate, received, startTcpBackend, type TcpBackend } from './tcp-peers.ts';
import { createPki, type TestPki } from './tls-peers.ts';

requireClient('prlimit');

const ADDR = '127.0.0.1:0';
const L4_HELLO = buildClientHello('raw.example.test');

describe('no descriptor left', () => {
  const dir = makeTempDir();
  let pki: TestPki;
  let raw: TcpBackend;
  let origin: Awaited<ReturnType<typeof listenOn>>;
  /** Answers of the origin that wait to be given; each holds a connection of the proxy open. */
  const held: ServerResponse[] = [];

  beforeAll(async () => {
    pki = await createPki(dir);
    await pki.files('app.example.test');
    raw = await startTcpBackend((socket) => socket.write('echo'));
    origin = await listenOn(
      createServer((request, response) => {
        // A connection that is kept would keep its descriptor.
        response.setHeader('connection', 'close');
        if (request.url === '/now') response.end('now');
        else held.push(response);
      }),
    );
  });
  afterAll(async () => {
    await raw[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  it('PX-25 EMFILE: refusals say so, open connections and the listener live, and all works again when there are some', async () => {
    await using proxy = await start();
    const port = proxy.port(ADDR);
    const open = await relayed(port);
    using session = await openSession(port);
    expect(await statusOf(session.request('/now'))).toBe(200);

    await leaveDescriptors(proxy, 8);
    const waiting = Array.from({ length: 40 }, () => session.request('/held'));
    const statuses = waiting.map(statusOf);
    const refused = await proxy.refusal('limit_upstreams');
    expect(refused['detail']).toMatch(/EMFILE/);
    expect(await Promise.race(statuses)).toBe(503);
    // Of these some get the last descriptors, and then there are none for their backends; others are shed, or wait to be accepted.
    const more = Array.from({ length: 20 }, () => firstSign(port));
    expect(['reset', 'closed']).toContain(await Promise.race(more));
    open.write('x');
    expect(String((await once(open, 'data'))[0])).toBe('echo');

    for (const response of held.splice(0)) response.end('late');
    const answered = await Promise.all(statuses);
    expect(new Set(answered)).toEqual(new Set([200, 503]));
    await Promise.all(more);
    (await relayed(port)).destroy();
    expect(await statusOf(session.request('/now'))).toBe(200);
    const figures = [...(await scrape(proxy))].filter(([name]) => name.includes('reason="limit_upstreams"'));
    expect(figures[0]?.[1]).toBeGreaterThanOrEqual(answered.filter((status) => status === 503).length);
    expect((await proxy.ctl('status')).code).toBe(0);
    open.destroy();
  });

  it('PX-25 connections to backends are bounded, so that requests of few clients leave descriptors to others', async () => {
    // (320 - 256) / 2 clients, and as many connections to backends.
    await using proxy = await start(['prlimit', '--nofile=320:320']);
    const port = proxy.port(ADDR);
    using session = await openSession(port);
    const statuses = Array.from({ length: 40 }, () => session.request('/held')).map(statusOf);
    const refused = await proxy.refusal('limit_upstreams');
    expect(refused['detail']).not.toMatch(/EMFILE/);
    expect(await fate(port, L4_HELLO)).toBe('reset');
    await proxy.line(({ reason, sni }) => reason === 'limit_upstreams' && sni === 'raw.example.test');
    await until(heldCount, (count) => count === 32);
    for (const response of held.splice(0)) response.end('late');
    const answered = await Promise.all(statuses);
    expect(answered.filter((status) => status === 503).length).toBe(8);
    (await relayed(port)).destroy();
  });

  const heldCount = (): Promise<number> => new Promise((resolve) => setImmediate(() => resolve(held.length)));

  function start(within: readonly string[] = []): Promise<RunningProxy> {
    return startMcProxy(
      () => `
[[listeners]]
addr = "${ADDR}"
[[listeners.routes]]
hostname = "app.example.test"
backend = "${origin.address}"
mode = "l7"
tls_cert = "${dir}/app.example.test.pem"
tls_key = "${dir}/app.example.test.key"
[[listeners.routes]]
hostname = "raw.example.test"
backend = "${raw.address}"
mode = "l4"
`,
      { within },
    );
  }

  /** A connection over the L4 route on which the backend has answered. */
  async function relayed(port: number): Promise<Socket> {
    const index = raw.connections.length;
    const client = await dial(port);
    client.write(L4_HELLO);
    const [answer] = (await once(client, 'data')) as [Buffer];
    expect(String(answer)).toBe('echo');
    await received(await raw.connection(index), L4_HELLO.length);
    return client;
  }

  async function openSession(port: number): Promise<Session> {
    const tls = connectTls({
      port,
      host: '127.0.0.1',
      servername: 'app.example.test',
      ca: pki.caPem,
      ALPNProtocols: ['h2'],
    });
    await once(tls, 'secureConnect');
    const session: ClientHttp2Session = connectHttp2('https://app.example.test', { createConnection: () => tls });
    return {
      request: (path) => session.request({ ':path': path }),
      [Symbol.dispose]: () => session.destroy(),
    };
  }
});

interface Session extends Disposable {
  request(path: string): ClientHttp2Stream;
}

/** What becomes of a connection to the L4 route: shed, or relayed now or later. */
async function firstSign(port: number): Promise<'reset' | 'closed' | 'relayed'> {
  const client = await dial(port);
  client.write(L4_HELLO);
  return new Promise((resolve) => {
    client.once('data', () => {
      client.destroy();
      resolve('relayed');
    });
    client.once('end', () => {
      client.destroy();
      resolve('closed');
    });
    client.once('error', () => resolve('reset'));
  });
}

async function statusOf(stream: ClientHttp2Stream): Promise<number> {
  stream.resume();
  const [headers] = (await once(stream, 'response')) as [{ ':status'?: number }];
  return headers[':status'] ?? 0;
}

/** Lowers the limit of the running process so that it can open so many more. Open ones above the limit stay open. */
async function leaveDescriptors({ pid }: RunningProxy, count: number): Promise<void> {
  const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let limit = 0;
  for (let free = 0; free < count; limit++) if (!open.has(limit)) free++;
  const { code, stderr } = await run('prlimit', ['--pid', String(pid), `--nofile=${limit}:${limit}`]);
  if (code !== 0) throw new Error(stderr);
}
