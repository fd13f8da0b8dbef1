import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { connect as connectHttp2, constants } from 'node:http2';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { source, transfer } from './big-bodies.ts';
import { createRig, listenOn } from './harness.ts';

const MIB = 1024 * 1024;

describe('PX-3 bodies of any size in bounded memory', () => {
  it.each<['http1' | 'http2', 'http1' | 'h2c', 'up' | 'down']>([
    ['http1', 'http1', 'down'],
    ['http1', 'http1', 'up'],
    ['http2', 'http1', 'down'],
    ['http2', 'http1', 'up'],
    ['http2', 'h2c', 'down'],
    ['http2', 'h2c', 'up'],
    ['http1', 'h2c', 'up'],
  ])('200 MB from a client of %s to a backend of %s, %s', (front, back, direction) =>
    transfer(front, back, direction, 200 * MIB, 150 * MIB),
  );
});

describe('back-pressure', () => {
  it.each(['http/1.1', 'h2'])('a client that does not read stops the backend, %s', async (protocol) => {
    await using rig = await createRig({ bodyTimeoutMs: 500 });
    let sent = 0;
    const broken = Promise.withResolvers<void>();
    await using backend = await listenOn(
      createHttp((_request, response) => {
        response.on('close', () => broken.resolve());
        source(500 * MIB, (sizeBytes) => (sent += sizeBytes)).pipe(response);
      }),
    );
    await rig.addRoute('app.test', backend.address);
    const socket = await rig.tls('app.test', { ALPNProtocols: [protocol] });
    if (protocol === 'h2') {
      const session = connectHttp2('https://app.test', { createConnection: () => socket });
      session.on('error', () => session.destroy());
      const stream = session.request({ ':path': '/' });
      stream.on('error', () => undefined);
      stream.pause();
    } else {
      socket.on('error', () => undefined);
      socket.write('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
      socket.pause();
    }
    // The stalled client is given up on, so the backend's connection breaks; until then it stood still.
    await broken.promise;
    expect(sent).toBeLessThan(50 * MIB);
    await rig.recorded(1);
    expect(rig.records[0]?.reason).toBe('request_timeout');
    socket.destroy();
  });

  it('a backend that does not read stops the client', async () => {
    await using rig = await createRig({ bodyTimeoutMs: 500 });
    await using backend = await listenOn(createServer((socket) => void socket.pause()));
    await rig.addRoute('app.test', backend.address);
    const socket = await rig.tls('app.test');
    socket.on('error', () => socket.destroy());
    socket.write(`POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${500 * MIB}\r\n\r\n`);
    let sent = 0;
    source(500 * MIB, (sizeBytes) => (sent += sizeBytes)).pipe(socket, { end: false });
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 504 /);
    expect(sent).toBeLessThan(50 * MIB);
    socket.destroy();
  });
});

describe('deadlines', () => {
  it('a request head that dribbles gets 408', async () => {
    await using rig = await createRig({ headerTimeoutMs: 500 });
    await rig.addRoute('app.test', '127.0.0.1:1');
    const socket = await rig.tls('app.test');
    const dribble = setInterval(() => socket.write('X'), 100);
    socket.write('GET / HTTP/1.1\r\nHost: app.test\r\n');
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('error', () => socket.destroy());
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(dribble);
    expect(text).toMatch(/^HTTP\/1\.1 408 [^]*request_timeout/);
    expect(rig.refusals.map((refusal) => refusal.reason)).toEqual(['request_timeout']);
  });

  it.each(['http/1.1', 'h2'])('a request body without progress gets 408, %s', async (protocol) => {
    await using rig = await createRig({ bodyTimeoutMs: 500 });
    await using backend = await listenOn(createServer((socket) => void socket.resume()));
    await rig.addRoute('app.test', backend.address);
    const socket = await rig.tls('app.test', { ALPNProtocols: [protocol] });
    if (protocol === 'h2') {
      const session = connectHttp2('https://app.test', { createConnection: () => socket });
      const stream = session.request({ ':method': 'POST', ':path': '/' });
      stream.write('abc');
      const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
      expect(headers[':status']).toBe(408);
      stream.resume();
      await once(stream, 'close');
      expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
      session.destroy();
    } else {
      socket.write('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\nabc');
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 408 /);
      socket.destroy();
    }
  });
});
