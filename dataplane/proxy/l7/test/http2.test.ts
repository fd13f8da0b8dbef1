import { once } from 'node:events';
import { createServer } from 'node:http';
import {
  connect as connectHttp2,
  constants,
  createServer as createH2c,
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createNet } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createRig, listenOn, type Rig } from './harness.ts';

async function session(rig: Rig, host = 'app.test'): Promise<ClientHttp2Session> {
  const socket = await rig.tls(host, { ALPNProtocols: ['h2'] });
  const http2 = connectHttp2(`https://${host}`, { createConnection: () => socket });
  http2.on('error', () => http2.destroy());
  return http2;
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  informational: number[];
  body: string;
  trailers: IncomingHttpHeaders;
  code: number;
}

async function ask(http2: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string): Promise<Answer> {
  const stream = http2.request({ ':path': '/', ...headers }, { endStream: body === undefined });
  const answer: Answer = { status: 0, headers: {}, informational: [], body: '', trailers: {}, code: 0 };
  stream.on('headers', (early) => answer.informational.push(Number(early[':status'])));
  stream.on('response', (head) => {
    answer.status = Number(head[':status']);
    answer.headers = head;
  });
  stream.on('data', (chunk: Buffer) => (answer.body += chunk.toString()));
  stream.on('trailers', (trailers) => (answer.trailers = trailers));
  stream.on('error', () => stream.close());
  if (body !== undefined) stream.end(body);
  await new Promise((resolve) => stream.once('close', resolve));
  answer.code = stream.rstCode;
  return answer;
}

describe('HTTP/2 clients', () => {
  it('PX-3 get 103, trailers of chunked backends, and many streams at once', async () => {
    await using rig = await createRig();
    await using backend = await listenOn(
      createServer((request, response) => {
        response.writeEarlyHints({ link: '</style.css>; rel=preload' });
        response.writeHead(200, { Trailer: 'X-Sum, X-Forwarded-For', 'X-Cookies': request.headers.cookie ?? '' });
        response.write('hel');
        response.addTrailers({ 'X-Sum': '42', 'X-Forwarded-For': '6.6.6.6' });
        response.end('lo');
      }),
    );
    await rig.addRoute('app.test', backend.address);
    const http2 = await session(rig);
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => ask(http2, { cookie: ['a=1', 'b=2', 'c=3'], te: 'trailers' })),
    );
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 200, body: 'hello', informational: [103], code: 0 });
      expect(answer.headers['x-cookies']).toBe('a=1; b=2; c=3');
      expect(answer.trailers['x-sum']).toBe('42');
      expect(answer.trailers).not.toHaveProperty('x-forwarded-for');
    }
    http2.close();
    await rig.idle();
    await rig.recorded(50);
    expect(rig.failures).toEqual([]);
  });

  it('PX-3 request trailers reach a backend of HTTP/2, forged names dropped', async () => {
    await using rig = await createRig();
    const server = createH2c();
    server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      let trailers: IncomingHttpHeaders = {};
      stream.on('trailers', (received) => (trailers = received));
      stream.on('end', () => {
        stream.respond({ ':status': 200 });
        stream.end(JSON.stringify({ trailers, te: headers['te'], host: headers[':authority'] }));
      });
      stream.resume();
    });
    await using backend = await listenOn(server);
    await rig.addRoute('app.test', backend.address, { backendProtocol: 'h2c' });
    const http2 = await session(rig);
    const stream = http2.request({ ':method': 'POST', ':path': '/', te: 'trailers' }, { waitForTrailers: true });
    stream.on('wantTrailers', () =>
      stream.sendTrailers({ 'x-sum': '1', 'x-real-ip': '6.6.6.6', x_forwarded_for: '6.6.6.6' }),
    );
    stream.end('abc');
    let body = '';
    for await (const chunk of stream) body += String(chunk);
    expect(JSON.parse(body)).toEqual({ trailers: { 'x-sum': '1' }, te: 'trailers', host: 'app.test:443' });
    http2.close();
  });

  it.each(['http1', 'h2c'] as const)(
    'an empty upload that ends before the backend is connected arrives, %s',
    async (kind) => {
      await using rig = await createRig();
      const answer = (request: { method?: string | undefined }, response: { end(text: string): void }): void =>
        response.end(request.method ?? '');
      await using backend = await listenOn(kind === 'http1' ? createServer(answer) : createH2c(answer));
      await rig.addRoute('app.test', backend.address, { backendProtocol: kind });
      const http2 = await session(rig);
      expect(await ask(http2, { ':method': 'POST' }, '')).toMatchObject({ status: 200, body: 'POST' });
      expect(await ask(http2, { ':method': 'PUT', 'content-length': '0' }, '')).toMatchObject({
        status: 200,
        body: 'PUT',
      });
      http2.close();
    },
  );

  it('Expect: 100-continue is answered when the backend side reads', async () => {
    await using rig = await createRig();
    await using backend = await listenOn(
      createServer((request, response) => {
        request.resume();
        request.on('end', () => response.end('read'));
      }),
    );
    await rig.addRoute('app.test', backend.address);
    const http2 = await session(rig);
    const stream = http2.request({ ':method': 'POST', ':path': '/', expect: '100-continue' });
    await once(stream, 'continue');
    stream.end('abc');
    let body = '';
    for await (const chunk of stream) body += String(chunk);
    expect(body).toBe('read');
    http2.close();
  });
});

describe('HTTP/2 requests that mean two things reach no backend as a whole request', () => {
  async function attack(headers: OutgoingHttpHeaders, body?: string) {
    await using rig = await createRig({ maxHeaderCount: 20, maxHeaderBytes: 4096 });
    let received = '';
    await using backend = await listenOn(
      createNet((socket) => socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')))),
    );
    await rig.addRoute('app.test', backend.address);
    const http2 = await session(rig);
    const answer = await ask(http2, headers, body);
    http2.destroy();
    return { answer, received, reasons: rig.refusals.map((refusal) => refusal.reason) };
  }

  it.each<[string, OutgoingHttpHeaders]>([
    ['host that differs from :authority', { ':authority': 'app.test', host: 'other.test' }],
    ['fragment in :path', { ':path': '/a#b' }],
    ['relative :path', { ':path': 'a' }],
    ['absolute :path', { ':path': 'https://other.test/' }],
    ['bad :authority', { ':authority': 'app.test/x' }],
    ['user info in :authority', { ':authority': 'a@app.test' }],
  ])('%s', async (_name, headers) => {
    const { answer, received } = await attack(headers);
    // Some the HTTP/2 library resets, the others are refused by us.
    expect(answer.status === 400 || answer.code === constants.NGHTTP2_PROTOCOL_ERROR).toBe(true);
    expect(received).toBe('');
  });

  it('CONNECT without a protocol', async () => {
    const { answer, received } = await attack({
      ':method': 'CONNECT',
      ':path': undefined,
      ':authority': 'app.test:443',
    });
    expect(answer.status).toBe(400);
    expect(received).toBe('');
  });

  it.each([
    ['longer', '10'],
    ['shorter', '2'],
  ])('a content-length %s than the body', async (_name, length) => {
    const { answer, received } = await attack({ ':method': 'POST', 'content-length': length }, 'hello');
    expect(answer.code).not.toBe(constants.NGHTTP2_NO_ERROR);
    expect(received).not.toContain('hello');
  });

  it('too many fields, cookie crumbs counted, and too large a head: 431', async () => {
    const crumbs = await attack({ cookie: Array.from({ length: 25 }, (_, i) => `c${i}=1`) });
    expect(crumbs.answer.status).toBe(431);
    expect(crumbs.reasons).toEqual(['limit_header_count']);
    const large = await attack({ 'x-large': 'a'.repeat(5000) });
    expect(large.answer.status).toBe(431);
    expect(large.reasons).toEqual(['limit_header_bytes']);
    const bomb = await attack({ cookie: Array.from({ length: 2000 }, () => 'a=1') });
    expect(bomb.answer.code).not.toBe(constants.NGHTTP2_NO_ERROR);
    expect([crumbs, large, bomb].map((attack) => attack.received)).toEqual(['', '', '']);
  });
});

it('a client that goes away in its upload leaves the backend a broken request, not a short one', async () => {
  await using rig = await createRig();
  let text = '';
  const broken = Promise.withResolvers<string>();
  await using backend = await listenOn(
    createNet((socket) => {
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
        if (text.includes('hello')) http2.destroy();
      });
      socket.on('close', () => broken.resolve(text));
    }),
  );
  await rig.addRoute('app.test', backend.address);
  const http2 = await session(rig);
  const stream = http2.request({ ':method': 'POST', ':path': '/' });
  stream.on('error', () => undefined);
  stream.write('hello');
  const seen = await broken.promise;
  expect(seen).toContain('hello');
  expect(seen).not.toContain('\r\n0\r\n');
  await rig.recorded(1);
  expect(rig.records[0]).toMatchObject({ status: 0, reason: null });
  // It is the client's doing, no failure of the backend.
  expect(rig.refusals).toEqual([]);
});

it('a response of an HTTP/2 backend that has ended long before the client reads it is whole', async () => {
  const body = Buffer.alloc(200_000, 'x');
  const done = Promise.withResolvers<void>();
  const server = createH2c();
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.once('close', done.resolve);
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1' }));
    stream.end(body);
  });
  await using rig = await createRig();
  await using backend = await listenOn(server);
  await rig.addRoute('app.test', backend.address, { backendProtocol: 'h2c' });
  const http2 = await session(rig);
  const stream = http2.request({ ':path': '/' });
  await once(stream, 'response');
  await done.promise;
  let size = 0;
  for await (const chunk of stream) size += (chunk as Buffer).length;
  expect(size).toBe(body.length);
  expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
  http2.destroy();
});
