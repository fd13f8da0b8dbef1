import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { buildClientHello } from '../../proxy/client-hello/test/build-client-hello.ts';
import { listenOn } from '../../proxy/l7/test/harness.ts';
import { scrape, until } from './proxy-control.ts';
import { makeTempDir, startMcProxy, type RunningProxy } from './running-proxy.ts';
import { dial, startTcpBackend, type TcpBackend } from './tcp-peers.ts';
import { createPki, dialTls, type TestPki } from './tls-peers.ts';

const ADDR = '127.0.0.1:0';

describe('what clients leave behind', () => {
  let proxy: RunningProxy;
  let backend: TcpBackend;
  let origin: Awaited<ReturnType<typeof listenOn>>;
  let pki: TestPki;

  beforeAll(async () => {
    const dir = makeTempDir();
    pki = await createPki(join(dir, 'pki'));
    const pair = await pki.files('app.example.test');
    // Ends when its client does, as a TLS server would.
    backend = await startTcpBackend((socket) => socket.once('end', () => socket.end()));
    origin = await listenOn(createServer((_request, response) => response.end('hello')));
    proxy = await startMcProxy(
      () => `
hello_timeout = "2s"
[[listeners]]
addr = "${ADDR}"
[[listeners.routes]]
hostname = "app.example.test"
backend = "127.0.0.1:${origin.port}"
mode = "l7"
tls_cert = "${pair.cert}"
tls_key = "${pair.key}"
[[listeners.routes]]
hostname = "raw.example.test"
backend = "${backend.address}"
mode = "l4"
`,
      { dir },
    );
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await backend[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
  });

  /** Sockets that the process holds; the admin and metrics connections of the test are over when it is called. */
  function sockets(): number {
    const dir = `/proc/${proxy.pid}/fd`;
    return readdirSync(dir).filter((fd) => {
      try {
        return readlinkSync(join(dir, fd)).startsWith('socket:');
      } catch (error) {
        // Closed since the directory was read.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
        throw error;
      }
    }).length;
  }

  const active = async (): Promise<number | undefined> =>
    (await scrape(proxy)).get(`mc_proxy_active_connections{listener="${ADDR}"}`);

  it.each([
    { how: 'an HTTP/2 client that closes without GOAWAY', leave: () => http2Client('end') },
    { how: 'an HTTP/2 client that resets', leave: () => http2Client('reset') },
    { how: 'a TLS client that ends without a request', leave: async () => (await tlsClient('http/1.1')).end() },
    { how: 'a TLS client that resets', leave: async () => (await tlsClient('http/1.1')).destroy() },
    { how: 'a client that ends after its hello to L7', leave: () => handshake('end') },
    { how: 'a client that resets after its hello to L7', leave: () => handshake('reset') },
    { how: 'a client that leaves in the middle of its hello', leave: () => rawClient(40) },
    { how: 'a client that leaves after its hello on L4', leave: () => rawClient(10_000) },
  ])('PX-25 $how leaves no connection counted', async ({ leave }) => {
    for (let round = 0; round < 20; round++) await leave();
    await until(active, (count) => count === 0);
  });

  it('PX-25 resets in every phase leave no descriptor behind', async () => {
    await until(active, (count) => count === 0);
    const before = sockets();
    const hello = buildClientHello('raw.example.test');
    for (let round = 0; round < 60; round++) {
      const client = await dial(proxy.port(ADDR));
      client.on('error', () => client.destroy());
      client.write(hello.subarray(0, round * 9));
      if (round % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      client.resetAndDestroy();
    }
    await until(active, (count) => count === 0);
    // Upstream connections of L7 routes are kept for a while; each backend connection of L4 ends with its client.
    await until(
      async () => sockets(),
      (count) => count <= before + 2,
    );
  });

  async function tlsClient(protocol: string): ReturnType<typeof dialTls> {
    const socket = await dialTls(proxy.port(ADDR), {
      servername: 'app.example.test',
      ca: pki.caPem,
      ALPNProtocols: [protocol],
    });
    socket.on('error', () => socket.destroy());
    return socket;
  }

  async function http2Client(leave: 'end' | 'reset'): Promise<void> {
    const socket = await tlsClient('h2');
    const session = connectHttp2('https://app.example.test', { createConnection: () => socket });
    session.on('error', () => session.destroy());
    const stream = session.request({ ':path': '/' });
    stream.on('error', () => stream.destroy());
    stream.resume();
    await once(stream, 'end');
    // close_notify and FIN, as curl does at its end; or neither.
    if (leave === 'end') socket.end();
    else socket.destroy();
  }

  async function handshake(leave: 'end' | 'reset'): Promise<void> {
    const client = await dial(proxy.port(ADDR));
    client.on('error', () => client.destroy());
    client.on('end', () => client.destroy());
    client.resume();
    await new Promise((resolve) => client.write(buildClientHello('app.example.test'), resolve));
    if (leave === 'end') client.end();
    else client.resetAndDestroy();
  }

  async function rawClient(bytes: number): Promise<void> {
    const client = await dial(proxy.port(ADDR));
    client.on('error', () => client.destroy());
    client.write(buildClientHello('raw.example.test').subarray(0, bytes));
    client.destroy();
  }
});
