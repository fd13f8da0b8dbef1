import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { readProxyHeader, type ProxyHeader } from '../../proxy-protocol/index.ts';
import { createRig, listenOn, type Rig } from './harness.ts';

async function get(rig: Rig, host = 'app.test'): Promise<string> {
  return rig.raw(host, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
}

describe('PX-6 PROXY protocol to L7 backends', () => {
  /** Reads the header off each connection and serves HTTP on what follows, optionally inside TLS. */
  async function proxied(tls: { cert: string; key: string } | null) {
    const headers: ProxyHeader[] = [];
    const http = createHttp((request, response) => {
      response.end(`on ${headers.length} to ${request.headers['x-forwarded-for']}`);
    });
    const server = createServer((socket: Socket) => {
      socket.once('readable', () => {
        const bytes = socket.read() as Buffer;
        const header = readProxyHeader(bytes);
        if (header.kind !== 'header') return void socket.destroy();
        headers.push(header);
        if (bytes.length > header.length) socket.unshift(bytes.subarray(header.length));
        if (!tls) return void http.emit('connection', socket);
        const secure = new TLSSocket(socket, { isServer: true, ...tls });
        secure.on('error', () => secure.destroy());
        http.emit('connection', secure);
      });
    });
    return { headers, listening: await listenOn(server) };
  }

  it.each(['clear', 'TLS'])('names the real client before any byte, %s', async (kind) => {
    await using rig = await createRig();
    const { certPem, keyPem } = await rig.ca.issue({ names: ['app.test'] });
    const { headers, listening } = await proxied(kind === 'TLS' ? { cert: certPem, key: keyPem } : null);
    await using _backend = listening;
    await rig.addRoute('app.test', listening.address, { sendProxyProtocol: true, backendTls: kind === 'TLS' });
    rig.disguise = { clientIp: '203.0.113.7', clientPort: 4711, localIp: '198.51.100.1', localPort: 443, id: 'edge-1' };
    expect(await get(rig)).toMatch(/to 203\.0\.113\.7/);
    expect(headers).toHaveLength(1);
    expect(headers[0]).toMatchObject({ version: 2, command: 'PROXY', authority: 'app.test' });
    expect(headers[0]!.source).toMatchObject({ port: 4711 });
    expect(Buffer.from(headers[0]!.uniqueId ?? []).toString()).toBe('edge-1');
  });

  it('shares connections between requests of one client and never between two', async () => {
    await using rig = await createRig();
    const { headers, listening } = await proxied(null);
    await using _backend = listening;
    await rig.addRoute('app.test', listening.address, { sendProxyProtocol: true });
    for (const clientIp of ['203.0.113.1', '203.0.113.2', '203.0.113.1', '203.0.113.2']) {
      rig.disguise = { clientIp };
      expect(await get(rig)).toContain(`to ${clientIp}`);
    }
    expect(headers).toHaveLength(2);
  });
});

describe('PX-5 forwarded headers behind a trusted hop', () => {
  async function forwarded(rig: Rig): Promise<Record<string, unknown>> {
    const text = await rig.raw(
      'app.test',
      'GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close, X-Forwarded-For\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: first.test\r\n' +
        'X-Request-Id: theirs\r\nX_Forwarded_For: 6.6.6.6\r\n\r\n',
    );
    return JSON.parse(/\{.*\}/.exec(text)?.[0] ?? '{}') as Record<string, unknown>;
  }

  it('appends only when the connection is proxied and the route says so', async () => {
    await using rig = await createRig();
    await using backend = await listenOn(
      createHttp((request, response) => response.end(JSON.stringify(request.headers))),
    );
    await rig.addRoute('app.test', backend.address, { forwardedHeaders: 'append' });
    rig.disguise = { clientIp: '203.0.113.7', proxied: true };
    expect(await forwarded(rig)).toMatchObject({
      'x-forwarded-for': '192.0.2.1, 203.0.113.7',
      'x-real-ip': '203.0.113.7',
      'x-forwarded-host': 'first.test',
      'x-request-id': 'theirs',
    });
    rig.disguise = { clientIp: '203.0.113.7', proxied: false, id: 'own' };
    expect(await forwarded(rig)).toMatchObject({
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-host': 'app.test',
      'x-request-id': 'own-1',
    });
    await rig.addRoute('app.test', backend.address);
    rig.disguise = { clientIp: '203.0.113.7', proxied: true };
    const set = await forwarded(rig);
    expect(set).toMatchObject({ 'x-forwarded-for': '203.0.113.7' });
    expect(set).not.toHaveProperty('x_forwarded_for');
  });
});

describe('the protocol of a TLS backend', () => {
  it('is what ALPN says, found out once, on a connection that is then used', async () => {
    await using rig = await createRig();
    const { certPem: cert, keyPem: key } = await rig.ca.issue({ names: ['app.test'] });
    const seen: string[] = [];
    let sessions = 0;
    const h2 = createSecureServer({ cert, key, allowHTTP1: false }, (request, response) => {
      seen.push(request.httpVersion);
      response.end('h2');
    });
    h2.on('session', () => sessions++);
    await using modern = await listenOn(h2);
    await rig.addRoute('app.test', modern.address, { backendTls: true });
    const answers = await Promise.all([get(rig), get(rig), get(rig)]);
    for (const answer of answers) expect(answer).toMatch(/\r\n\r\n(2\r\n)?h2/);
    expect(seen).toEqual(['2.0', '2.0', '2.0']);
    expect(sessions).toBe(1);

    let connections = 0;
    const h1 = createHttps({ cert, key }, (request, response) => response.end(`h1 ${request.httpVersion}`));
    h1.on('secureConnection', () => connections++);
    await using plain = await listenOn(h1);
    await rig.addRoute('app.test', plain.address, { backendTls: true });
    expect(await get(rig)).toMatch(/h1 1\.1/);
    expect(await get(rig)).toMatch(/h1 1\.1/);
    expect(connections).toBe(1);
  });
});

it('a kept connection that the backend closes meanwhile costs the client nothing', async () => {
  await using rig = await createRig();
  let connections = 0;
  await using backend = await listenOn(
    createServer((socket) => {
      connections++;
      let requests = 0;
      socket.on('data', () => {
        if (++requests === 2) socket.destroy();
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    }),
  );
  await rig.addRoute('app.test', backend.address);
  expect(await get(rig)).toMatch(/^HTTP\/1\.1 200 /);
  expect(await get(rig)).toMatch(/^HTTP\/1\.1 200 /);
  expect(connections).toBe(2);
});

it('a request that may have taken effect is not sent twice', async () => {
  await using rig = await createRig();
  let connections = 0;
  await using backend = await listenOn(
    createServer((socket) => {
      connections++;
      socket.on('data', () => socket.destroy());
    }),
  );
  await rig.addRoute('app.test', backend.address);
  const post = 'POST / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\nContent-Length: 1\r\n\r\na';
  expect(await rig.raw('app.test', post)).toMatch(/^HTTP\/1\.1 502 /);
  expect(connections).toBe(1);
});

it('a client that goes away takes its request with it', async () => {
  await using rig = await createRig();
  const arrived = Promise.withResolvers<Socket>();
  await using backend = await listenOn(createServer((socket) => socket.once('data', () => arrived.resolve(socket))));
  await rig.addRoute('app.test', backend.address);
  const client = await rig.tls('app.test');
  client.write('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  const socket = await arrived.promise;
  socket.resume();
  const gone = once(socket, 'close');
  client.destroy();
  await gone;
  await rig.recorded(1);
  expect(rig.records[0]).toMatchObject({ status: 0, reason: null });
});
