import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { createServer } from 'node:http';
import { createServer as createNet } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { data, FLAG, frame, hpack, openWire, requestFields, setting, TYPE, windowUpdate } from './h2-wire.ts';
import { createRig, listenOn } from './harness.ts';

/** Accepts a WebSocket handshake and echoes bytes; whether they are frames is no business of a proxy. */
function echo(seen: string[]) {
  const server = createServer((_request, response) => response.writeHead(200).end('no upgrade'));
  server.on('upgrade', (request, socket: Duplex, head: Buffer) => {
    seen.push(
      `${request.method} ${request.url} ${request.headers['sec-websocket-protocol'] ?? ''} early ${head.length}`,
    );
    if (request.url === '/refused') {
      return void socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno');
    }
    if (request.url === '/twohundred') {
      return void socket.end(
        'HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nok',
      );
    }
    const key = request.headers['sec-websocket-key'] ?? '';
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  return listenOn(server);
}

const HANDSHAKE =
  'Host: app.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat\r\n\r\n';

describe('PX-3 WebSocket over HTTP/1.1', () => {
  it('tunnels after the 101, both ways, with what the client sent too early held back until then', async () => {
    await using rig = await createRig();
    const seen: string[] = [];
    await using backend = await echo(seen);
    await rig.addRoute('app.test', backend.address);
    const socket = await rig.tls('app.test');
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.write(`GET /ws HTTP/1.1\r\n${HANDSHAKE}early`);
    while (!text.endsWith('early')) await once(socket, 'data');
    expect(text).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
    expect(text).toContain('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    expect(seen).toEqual(['GET /ws chat early 0']);
    socket.write('hello');
    while (!text.endsWith('hello')) await once(socket, 'data');
    socket.end();
    await rig.recorded(1);
    expect(rig.records[0]).toMatchObject({ status: 101, bytesUp: 10, bytesDown: 10, reason: null });
    expect(rig.failures).toEqual([]);
  });

  it.each([
    ['/refused', 401],
    ['/twohundred', 200],
  ])('a backend that does not switch is heard, and no tunnel opens: %s', async (path, status) => {
    await using rig = await createRig();
    const seen: string[] = [];
    await using backend = await echo(seen);
    await rig.addRoute('app.test', backend.address);
    const text = await rig.raw(
      'app.test',
      `GET ${path} HTTP/1.1\r\n${HANDSHAKE}GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n`,
    );
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(seen).toHaveLength(1);
  });

  it('policies and misdirection hold for handshakes too', async () => {
    await using rig = await createRig();
    const seen: string[] = [];
    await using backend = await echo(seen);
    await rig.addRoute('app.test', backend.address, { policies: { blockUserAgents: ['bot'], requireHeaders: [] } });
    expect(await rig.raw('app.test', `GET /ws HTTP/1.1\r\nUser-Agent: a bot\r\n${HANDSHAKE}`)).toMatch(
      /^HTTP\/1\.1 403 /,
    );
    expect(await rig.raw('app.test', `GET /ws HTTP/1.1\r\n${HANDSHAKE.replace('app.test', 'b.test')}`)).toMatch(
      /^HTTP\/1\.1 421 /,
    );
    expect(seen).toEqual([]);
  });

  it('a backend that goes away takes the client with it', async () => {
    await using rig = await createRig();
    await using backend = await echo([]);
    await rig.addRoute('app.test', backend.address);
    const socket = await rig.tls('app.test');
    socket.on('error', () => socket.destroy());
    socket.write(`GET /ws HTTP/1.1\r\n${HANDSHAKE}`);
    await once(socket, 'data');
    for (const one of backend.sockets) one.resetAndDestroy();
    await new Promise((resolve) => socket.once('close', resolve));
    await rig.recorded(1);
    await rig.idle();
  });
});

it('PX-3 WebSocket over HTTP/2 (RFC 8441) reaches a backend of HTTP/1.1', async () => {
  await using rig = await createRig();
  const seen: string[] = [];
  await using backend = await echo(seen);
  await rig.addRoute('app.test', backend.address);
  const socket = await rig.tls('app.test', { ALPNProtocols: ['h2'] });
  const session = connectHttp2('https://app.test', { createConnection: () => socket });
  const [settings] = (await once(session, 'remoteSettings')) as [{ enableConnectProtocol?: boolean }];
  expect(settings.enableConnectProtocol).toBe(true);
  const stream = session.request(
    {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': '/ws',
      ':scheme': 'https',
      ':authority': 'app.test',
      'sec-websocket-version': '13',
      'sec-websocket-protocol': 'chat',
    },
    { endStream: false },
  );
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  expect(headers[':status']).toBe(200);
  expect(headers['sec-websocket-accept']).toBeUndefined();
  stream.write('hello');
  const [echoed] = (await once(stream, 'data')) as [Buffer];
  expect(echoed.toString()).toBe('hello');
  expect(seen).toEqual(['GET /ws chat early 0']);
  stream.end();
  await once(stream, 'close');
  await rig.recorded(1);
  expect(rig.records[0]).toMatchObject({ status: 101, protocol: 'http2', bytesUp: 5, bytesDown: 5 });
  session.close();
});

it('PX-3 a WebSocket over HTTP/2 that both sides have ended is whole, however small the client’s window', async () => {
  await using rig = await createRig();
  const sizeBytes = 50_000;
  await using backend = await listenOn(
    createNet({ allowHalfOpen: true }, (socket) => {
      socket.resume();
      socket.once('data', () => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
        socket.once('end', () => socket.end(Buffer.alloc(sizeBytes, 'x')));
      });
    }),
  );
  await rig.addRoute('app.test', backend.address);
  using client = await openWire(rig, setting(4, 1_000));
  const fields = requestFields('CONNECT', [
    [':protocol', 'websocket'],
    ['sec-websocket-version', '13'],
  ]);
  client.send(frame(TYPE.headers, FLAG.endHeaders, 1, hpack(fields)));
  expect(await client.status(1)).toBe(200);
  client.send(data(1, '', FLAG.endStream));
  const pieces = () => client.frames.filter((one) => one.type === TYPE.data);
  const size = () => pieces().reduce((sum, one) => sum + one.payload.length, 0);
  for (let asked = 1_000; asked < sizeBytes; asked += 1_000) {
    await client.frame(() => size() >= asked);
    client.send(windowUpdate(1, 1_000));
  }
  await client.frame((one) => one.type === TYPE.data && (one.flags & FLAG.endStream) !== 0);
  expect(size()).toBe(sizeBytes);
  expect(client.frames.some((one) => one.type === TYPE.rstStream)).toBe(false);
});
