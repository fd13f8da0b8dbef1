import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { createServer as createHttpsServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSeedCa } from '../../../mcdsl/seed-pki/index.ts';
import { makeTempDir, startMcProxy, type RunningProxy } from './running-proxy.ts';

const ADDR = '127.0.0.1:0';
const GIB = 1024 ** 3;
const CHUNK = Buffer.alloc(256 * 1024, 0x61);
/** How much the resident memory may rise while a body passes: buffers of sockets, TLS and streams, and garbage not yet collected. */
const FLAT_BYTES = 192 * 1024 * 1024;

describe('bodies of 1 GiB', () => {
  let proxy: RunningProxy;
  let ca: string;
  let plain: Server;
  let tls: Server;

  beforeAll(async () => {
    const seed = await createSeedCa();
    ca = seed.certPem;
    const dir = makeTempDir();
    const pair = await seed.issue({ names: ['l7.example.test', 'l4.example.test'] });
    writeFileSync(join(dir, 'pair.pem'), pair.certPem);
    writeFileSync(join(dir, 'pair.key'), pair.keyPem, { mode: 0o600 });
    plain = await listen(createHttpServer(serveBodies));
    tls = await listen(createHttpsServer({ cert: pair.certPem, key: pair.keyPem }, serveBodies));
    proxy = await startMcProxy(
      () => `
[[listeners]]
addr = "${ADDR}"
[[listeners.routes]]
hostname = "l7.example.test"
backend = "127.0.0.1:${portOf(plain)}"
mode = "l7"
tls_cert = "${dir}/pair.pem"
tls_key = "${dir}/pair.key"
[[listeners.routes]]
hostname = "l4.example.test"
backend = "127.0.0.1:${portOf(tls)}"
mode = "l4"
`,
      { dir },
    );
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    for (const server of [plain, tls]) {
      server.closeAllConnections();
      server.close();
    }
  });

  /** Runs the work and returns how far the proxy's memory rose above where it was. */
  async function rise(work: () => Promise<void>): Promise<number> {
    const before = residentBytes(proxy.pid);
    let peak = before;
    const watch = setInterval(() => (peak = Math.max(peak, residentBytes(proxy.pid))), 20);
    await work().finally(() => clearInterval(watch));
    return peak - before;
  }

  it.each(['l7.example.test', 'l4.example.test'])(
    'PX-3 up and down over HTTP/1.1 through %s, memory flat',
    async (host) => {
      const up = await rise(async () => expect(await upload(proxy.port(ADDR), host, ca)).toBe(GIB));
      const down = await rise(async () => expect(await download(proxy.port(ADDR), host, ca)).toBe(GIB));
      expect({ up: up < FLAT_BYTES, down: down < FLAT_BYTES, figures: [up, down] }).toMatchObject({
        up: true,
        down: true,
      });
    },
  );

  it('PX-3 up and down over HTTP/2, memory flat', async () => {
    const up = await rise(async () => expect(await http2Body(proxy.port(ADDR), ca, 'POST')).toBe(GIB));
    const down = await rise(async () => expect(await http2Body(proxy.port(ADDR), ca, 'GET')).toBe(GIB));
    expect({ up: up < FLAT_BYTES, down: down < FLAT_BYTES, figures: [up, down] }).toMatchObject({
      up: true,
      down: true,
    });
  });

  it.each(['l7.example.test', 'l4.example.test'])(
    'PX-3 a reader of %s that stops reading makes no memory grow',
    async (host) => {
      const sent = sentBytes;
      const rose = await rise(async () => {
        const response = await get(proxy.port(ADDR), host, ca);
        response.pause();
        let last = -1;
        // The origin stands still when every buffer on the way is full.
        while (last !== sentBytes) {
          last = sentBytes;
          await new Promise((resolve) => setTimeout(resolve, 300));
        }
        expect(sentBytes - sent).toBeLessThan(128 * 1024 * 1024);
        response.destroy();
      });
      expect(rose).toBeLessThan(FLAT_BYTES);
    },
  );
});

let sentBytes = 0;

/** GET: 1 GiB; anything else: the number of bytes received. */
const serveBodies: RequestListener = (incoming, response) => {
  if (incoming.method !== 'GET') {
    let received = 0;
    incoming.on('data', (chunk: Buffer) => (received += chunk.length));
    incoming.on('end', () => response.end(String(received)));
    return;
  }
  let left = GIB;
  const pump = (): void => {
    while (left > 0 && !response.destroyed) {
      left -= CHUNK.length;
      sentBytes += CHUNK.length;
      if (!response.write(CHUNK)) {
        response.once('drain', pump);
        return;
      }
    }
    response.end();
  };
  pump();
};

function* gibibyte(): Generator<Buffer> {
  for (let left = GIB; left > 0; left -= CHUNK.length) yield CHUNK;
}

async function upload(port: number, host: string, ca: string): Promise<number> {
  const outgoing = request({
    host: '127.0.0.1',
    port,
    servername: host,
    ca,
    headers: { host },
    method: 'PUT',
    agent: false,
  });
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  await pipeline(Readable.from(gibibyte(), { objectMode: false }), outgoing);
  const [response] = await answered;
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return Number(text);
}

async function get(port: number, host: string, ca: string): Promise<IncomingMessage> {
  const outgoing = request({ host: '127.0.0.1', port, servername: host, ca, headers: { host }, agent: false });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  response.on('error', () => response.destroy());
  return response;
}

async function download(port: number, host: string, ca: string): Promise<number> {
  let received = 0;
  for await (const chunk of await get(port, host, ca)) received += (chunk as Buffer).length;
  return received;
}

async function http2Body(port: number, ca: string, method: 'GET' | 'POST'): Promise<number> {
  const host = 'l7.example.test';
  const session = connectHttp2(`https://${host}`, {
    createConnection: () => connectTls({ port, host: '127.0.0.1', servername: host, ca, ALPNProtocols: ['h2'] }),
  });
  const stream = session.request({ ':method': method, ':path': '/' });
  const sending: Writable = stream;
  const sent = method === 'POST' ? pipeline(Readable.from(gibibyte(), { objectMode: false }), sending) : stream.end();
  let received = 0;
  let text = '';
  for await (const chunk of stream) {
    received += (chunk as Buffer).length;
    if (method === 'POST') text += String(chunk);
  }
  await sent;
  session.close();
  return method === 'POST' ? Number(text) : received;
}

function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}

async function listen<S extends Server>(server: S): Promise<S> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
