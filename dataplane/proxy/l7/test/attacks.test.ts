import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { createServer as createNet } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createRig, listenOn, type Rig } from './harness.ts';

/** Attacks on others that no other file here names, by what they do. */

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(async () => {
  expect(rig.failures).toEqual([]);
  await rig[Symbol.asyncDispose]();
});

const NAMES = ['__proto__', 'constructor', 'hasownproperty', 'tostring'];

it.each(['http1', 'http2'])(
  'PX-25 fields named as members of objects (CVE-2026-21710) are fields, %s',
  async (protocol) => {
    await using backend = await listenOn(
      createNet((socket) =>
        socket.on('data', () => {
          const fields = NAMES.map((name) => `${name}: 1\r\n${name}: 2\r\n`).join('');
          const trailers = NAMES.map((name) => `${name}: 3\r\n`).join('');
          socket.write(`HTTP/1.1 200 OK\r\n${fields}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${trailers}\r\n`);
        }),
      ),
    );
    await rig.addRoute('app.test', backend.address);
    if (protocol === 'http1') {
      const fields = NAMES.map((name) => `${name}: a\r\n${name}: b\r\n`).join('');
      const answer = await rig.raw(
        'app.test',
        `GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n${fields}\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*ok/);
    } else {
      const socket = await rig.tls('app.test', { ALPNProtocols: ['h2'] });
      const session = connectHttp2('https://app.test', { createConnection: () => socket });
      const stream = session.request([':path', '/', ...NAMES.flatMap((name) => [name, 'a'])]);
      let body = '';
      for await (const chunk of stream) body += String(chunk);
      expect(body).toBe('ok');
      session.destroy();
    }
    await rig.recorded(1);
    expect(rig.records[0]).toMatchObject({ status: 200, reason: null });
  },
);

it('PX-3 a body that the backend did not read (CVE-2025-4366) is never taken for the next request', async () => {
  const asked: string[] = [];
  await using backend = await listenOn(
    createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.end('done');
    }),
  );
  await rig.addRoute('app.test', backend.address);
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n';
  const rest = smuggled.repeat(500);
  const socket = await rig.tls('app.test');
  socket.on('error', () => socket.destroy());
  socket.write(`POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${10 + rest.length}\r\n\r\n0123456789`);
  await once(socket, 'data');
  socket.write(`${rest}GET /next HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n`);
  socket.resume();
  await once(socket, 'close');
  // Other clients get what they ask for, over whatever connections are kept.
  for (const path of ['/a', '/b', '/c']) {
    await rig.raw('app.test', `GET ${path} HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n`);
  }
  expect(asked.filter((request) => request !== 'GET /next')).toEqual(['POST /', 'GET /a', 'GET /b', 'GET /c']);
});

it('PX-3 a request whose body would end with the connection (CVE-2026-2835) gets 400, and nothing of that body is read', async () => {
  let reached = '';
  await using backend = await listenOn(
    createNet((socket) =>
      socket.on('data', (chunk: Buffer) => {
        reached += chunk.toString('latin1');
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      }),
    ),
  );
  await rig.addRoute('app.test', backend.address);
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n';
  const answer = await rig.raw('app.test', `POST / HTTP/1.0\r\nHost: app.test\r\n\r\n${smuggled}`);
  expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*request_invalid/);
  expect(answer.match(/HTTP\/1\.[01] /g)).toHaveLength(1);
  expect(reached).not.toContain('smuggled');
});

it('PX-25 a handshake that fails in the choice of the protocol (CVE-2026-21637) ends that connection alone', async () => {
  await using backend = await listenOn(createServer((_request, response) => response.end('hello')));
  await rig.addRoute('app.test', backend.address);
  rig.sni = 'app.test';
  for (const ALPNProtocols of [['spdy/3'], ['h3', 'x'.repeat(255)]]) {
    const client = connectTls({
      port: rig.port,
      host: '127.0.0.1',
      servername: 'app.test',
      ca: rig.ca.caPem,
      ALPNProtocols,
    });
    const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL');
  }
  await rig.refused(2);
  expect(rig.refusals.map(({ reason }) => reason)).toEqual(['tls_handshake', 'tls_handshake']);
  expect(await rig.raw('app.test', 'GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n')).toMatch(/hello$/);
});
