import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { createSeedCa } from '../../../mcdsl/seed-pki/index.ts';
import { buildClientHello } from '../../proxy/client-hello/test/build-client-hello.ts';
import { scrape, until } from './proxy-control.ts';
import { makeTempDir, startMcProxy, type RunningProxy } from './running-proxy.ts';
import { dial, startTcpBackend } from './tcp-peers.ts';

const ADDR = '127.0.0.1:0';
const HOST = 'app.example.test';

interface Scene extends AsyncDisposable {
  readonly proxy: RunningProxy;
  readonly ca: string;
  /** Answers that wait to be given. */
  readonly pending: ServerResponse[];
  nextRequest(): Promise<ServerResponse>;
}

async function scene(shutdownTimeout: string): Promise<Scene> {
  const ca = await createSeedCa();
  const pair = await ca.issue({ names: [HOST] });
  const pending: ServerResponse[] = [];
  const origin = createHttpServer((_request, response) => {
    pending.push(response);
    origin.emit('pending');
  });
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  const l4 = await startTcpBackend();
  const dir = makeTempDir();
  writeFileSync(join(dir, 'app.pem'), pair.certPem);
  writeFileSync(join(dir, 'app.key'), pair.keyPem, { mode: 0o600 });
  const proxy = await startMcProxy(
    () => `
shutdown_timeout = "${shutdownTimeout}"
hello_timeout = "60s"
header_timeout = "60s"
[[listeners]]
addr = "${ADDR}"
[[listeners.routes]]
hostname = "${HOST}"
backend = "127.0.0.1:${(origin.address() as AddressInfo).port}"
mode = "l7"
tls_cert = "${dir}/app.pem"
tls_key = "${dir}/app.key"
[[listeners.routes]]
hostname = "raw.example.test"
backend = "${l4.address}"
mode = "l4"
`,
    { dir },
  );
  return {
    proxy,
    ca: ca.certPem,
    pending,
    async nextRequest() {
      const index = pending.length;
      await once(origin, 'pending');
      const response = pending[index];
      if (!response) throw new Error('no request came');
      return response;
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await l4[Symbol.asyncDispose]();
      origin.closeAllConnections();
      await new Promise((resolve) => origin.close(resolve));
    },
  };
}

async function tls(port: number, ca: string, alpn: string): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', servername: HOST, ca, ALPNProtocols: [alpn] });
  await once(socket, 'secureConnect');
  return socket;
}

/** A TLS client that does not hear the answer to its hello; resolves when that has come. */
async function stalledHandshake(port: number): Promise<Socket> {
  const socket = await dial(port);
  const deaf = new Duplex({
    read: () => undefined,
    write: (bytes: Buffer, _encoding, done) => void socket.write(bytes, () => done()),
  });
  connectTls({ socket: deaf, servername: HOST }).on('error', () => deaf.destroy());
  await once(socket, 'readable');
  return socket;
}

/** Resolves when the proxy has so many client connections. */
async function open(proxy: RunningProxy, count: number): Promise<void> {
  const sum = (figures: ReadonlyMap<string, number>): number =>
    [...figures].reduce((all, [name, value]) => all + (name.startsWith('mc_proxy_active_connections{') ? value : 0), 0);
  await until(
    () => scrape(proxy).then(sum),
    (active) => active === count,
  );
}

function closedBy(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    socket.once('close', () => resolve('closed'));
  });
}

describe('SIGTERM', () => {
  it('PX-20 stops accepting, lets requests finish, says GOAWAY and Connection: close, and exits 0 when all is done', async () => {
    await using world = await scene('20s');
    const port = world.proxy.port(ADDR);
    const h1 = await tls(port, world.ca, 'http/1.1');
    let head = '';
    h1.on('data', (chunk: Buffer) => (head += chunk.toString()));
    const h1Closed = closedBy(h1);
    const h1Request = world.nextRequest();
    h1.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    const h1Answer = await h1Request;
    const session = connectHttp2(`https://${HOST}`, { createConnection: () => tlsNow(port, world.ca) });
    const goaway = once(session, 'goaway');
    const h2Request = world.nextRequest();
    const stream = session.request({ ':path': '/' });
    const h2Answer = await h2Request;

    world.proxy.signal('SIGTERM');
    await goaway;
    await expect(refused(port)).resolves.toBe('ECONNREFUSED');
    h1Answer.end('first');
    h2Answer.end('second');
    stream.setEncoding('utf8');
    let body = '';
    stream.on('data', (text: string) => (body += text));
    await once(stream, 'end');
    expect(await h1Closed).toBe('closed');
    expect(body).toBe('second');
    expect(head).toMatch(/connection: close/i);
    expect(head).toMatch(/first$/);
    expect(await world.proxy.ended).toBe(0);
  });

  it('PX-20 clients that never close, in every phase: RST at shutdown_timeout, and the process is gone within a second of it', async () => {
    await using world = await scene('500ms');
    const port = world.proxy.port(ADDR);
    const h1 = await tls(port, world.ca, 'http/1.1');
    let waiting = world.nextRequest();
    h1.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    await waiting;
    const h1Reading = await tls(port, world.ca, 'http/1.1');
    waiting = world.nextRequest();
    h1Reading.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    // More than all the buffers on the way hold, and nobody reads it.
    (await waiting).write(Buffer.alloc(32 * 1024 * 1024));
    const h1Sending = await tls(port, world.ca, 'http/1.1');
    waiting = world.nextRequest();
    h1Sending.write(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 9\r\n\r\nx`);
    await waiting;
    const h1Head = await tls(port, world.ca, 'http/1.1');
    h1Head.write('GET / HT');
    const h2 = await tls(port, world.ca, 'h2');
    const session = connectHttp2(`https://${HOST}`, { createConnection: () => h2 });
    session.on('error', () => session.destroy());
    waiting = world.nextRequest();
    const stream = session.request({ ':path': '/' });
    stream.on('error', () => stream.destroy());
    await waiting;
    const h2Idle = await tls(port, world.ca, 'h2');
    h2Idle.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const handshake = await stalledHandshake(port);
    const l4 = await dial(port);
    l4.write(buildClientHello('raw.example.test'));
    const hello = await dial(port);
    hello.write(buildClientHello(HOST).subarray(0, 20));
    const silent = await dial(port);
    const clients = { h1, h1Reading, h1Sending, h1Head, h2, h2Idle, handshake, l4, hello, silent };
    for (const client of Object.values(clients)) client.on('error', () => client.destroy());
    await open(world.proxy, Object.keys(clients).length);
    const cutOff = [h1, h2, l4].map(closedBy);

    world.proxy.signal('SIGTERM');
    // Later than 0.9 s after shutdown_timeout a thread of its own would have ended the process by SIGKILL.
    expect(await world.proxy.ended).toBe(0);
    expect((await world.proxy.line((line) => line.msg === 'drained'))['outcome']).toBe('cut-off');
    expect(await Promise.all(cutOff)).toEqual(['ECONNRESET', 'ECONNRESET', 'ECONNRESET']);
    for (const client of Object.values(clients)) client.destroy();
  });

  it('PX-20 a second signal ends it at once', async () => {
    await using world = await scene('60s');
    const l4 = await dial(world.proxy.port(ADDR));
    l4.write(buildClientHello('raw.example.test'));
    l4.on('error', () => l4.destroy());
    world.proxy.signal('SIGTERM');
    await world.proxy.line((line) => line.msg === 'shutting down');
    world.proxy.signal('SIGTERM');
    expect(await world.proxy.ended).toBe(1);
  });
});

function tlsNow(port: number, ca: string): TLSSocket {
  return connectTls({ port, host: '127.0.0.1', servername: HOST, ca, ALPNProtocols: ['h2'] });
}

/** What a new connection gets now. Listening sockets of all workers close one after the other, so the first tries may still succeed. */
async function refused(port: number): Promise<string> {
  for (;;) {
    const attempt = await dial(port).then(
      (socket) => {
        socket.on('error', () => socket.destroy());
        socket.destroy();
        return 'accepted';
      },
      (error: NodeJS.ErrnoException) => error.code ?? 'error',
    );
    if (attempt !== 'accepted' && attempt !== 'ECONNRESET') return attempt;
  }
}
