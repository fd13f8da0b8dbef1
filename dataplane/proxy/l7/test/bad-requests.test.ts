import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRig, listenOn, type Rig } from './harness.ts';

/** Every case goes over a raw TLS socket; the backend counts bytes, so that nothing can reach it unseen. */
let rig: Rig;
let backend: Awaited<ReturnType<typeof listenOn>>;
let received = '';

beforeAll(async () => {
  rig = await createRig({ maxHeaderBytes: 4096, maxHeaderCount: 20, maxBodyBytes: 1000 });
  backend = await listenOn(
    createServer((socket) => {
      socket.on('data', (chunk: Buffer) => {
        received += chunk.toString('latin1');
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    }),
  );
  await rig.addRoute('app.test', backend.address);
  await rig.addRoute('other.test', backend.address);
});

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

async function send(request: string): Promise<{ answer: string; reached: string; reasons: string[] }> {
  received = '';
  const before = rig.refusals.length;
  const answer = await rig.raw('app.test', request);
  return { answer, reached: received, reasons: rig.refusals.slice(before).map((refusal) => refusal.reason) };
}

const HEAD = 'POST / HTTP/1.1\r\nHost: app.test\r\n';
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n';

describe('HTTP/1 requests that mean two things get 400, the connection closes, and nothing reaches the backend', () => {
  it.each([
    ['CL and TE', `${HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`],
    ['TE and CL', `${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n${SMUGGLED}`],
    ['two CLs', `${HEAD}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`],
    ['two equal CLs', `${HEAD}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`],
    ['CL list', `${HEAD}Content-Length: 3, 3\r\n\r\nabc`],
    ['CL with plus', `${HEAD}Content-Length: +3\r\n\r\nabc`],
    ['CL with minus', `${HEAD}Content-Length: -3\r\n\r\nabc`],
    ['CL hex', `${HEAD}Content-Length: 0x3\r\n\r\nabc`],
    ['CL with underscore', `${HEAD}Content-Length: 1_0\r\n\r\n0123456789`],
    ['CL overflow', `${HEAD}Content-Length: 99999999999999999999\r\n\r\nabc`],
    ['empty CL', `${HEAD}Content-Length: \r\n\r\nabc`],
    ['TE twice', `${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['TE chunked, chunked', `${HEAD}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`],
    ['TE xchunked', `${HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
    ['TE chunked, identity', `${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
    ['TE identity', `${HEAD}Transfer-Encoding: identity\r\n\r\n0\r\n\r\n`],
    ['TE gzip, chunked', `${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ['TE with vertical tab', `${HEAD}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`],
    ['TE with parameter', `${HEAD}Transfer-Encoding: chunked;x\r\n\r\n0\r\n\r\n`],
    ['TE with space before colon', `${HEAD}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
    ['HTTP/1.0 and TE', 'POST / HTTP/1.0\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['space before colon', `${HEAD}X-A : b\r\n\r\n`],
    ['obs-fold', `${HEAD}X-A: b\r\n c\r\n\r\n`],
    ['bare LF after the request line', 'GET / HTTP/1.1\nHost: app.test\r\n\r\n'],
    ['bare LF after a field', 'GET / HTTP/1.1\r\nHost: app.test\nX: y\r\n\r\n'],
    ['bare LF at the end', 'GET / HTTP/1.1\r\nHost: app.test\r\n\n'],
    ['CR in a value', `GET / HTTP/1.1\r\nHost: app.test\r\nX: a\rb\r\n\r\n`],
    ['NUL in a value', `GET / HTTP/1.1\r\nHost: app.test\r\nX: a\0b\r\n\r\n`],
    ['NUL in a name', `GET / HTTP/1.1\r\nHost: app.test\r\nX\0: b\r\n\r\n`],
    ['NUL in the target', `GET /\0 HTTP/1.1\r\nHost: app.test\r\n\r\n`],
    ['space in the target', `GET /a b HTTP/1.1\r\nHost: app.test\r\n\r\n`],
    ['fragment', `GET /a#b HTTP/1.1\r\nHost: app.test\r\n\r\n`],
    ['asterisk', `OPTIONS * HTTP/1.1\r\nHost: app.test\r\n\r\n`],
    ['relative target', `GET a HTTP/1.1\r\nHost: app.test\r\n\r\n`],
    ['absolute-form with another host', 'GET http://other.test/ HTTP/1.1\r\nHost: app.test\r\n\r\n'],
    ['absolute-form with user info', 'GET http://app.test@other.test/ HTTP/1.1\r\nHost: app.test\r\n\r\n'],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['no Host in HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
    ['empty Host', 'GET / HTTP/1.1\r\nHost: \r\n\r\n'],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: app.test\r\nHost: other.test\r\n\r\n'],
    ['two equal Hosts', 'GET / HTTP/1.1\r\nHost: app.test\r\nHost: app.test\r\n\r\n'],
    ['Host with a path', 'GET / HTTP/1.1\r\nHost: app.test/x\r\n\r\n'],
    ['Host with user info', 'GET / HTTP/1.1\r\nHost: a@app.test\r\n\r\n'],
    ['Host with two ports', 'GET / HTTP/1.1\r\nHost: app.test:1:2\r\n\r\n'],
    ['CONNECT', 'CONNECT app.test:443 HTTP/1.1\r\nHost: app.test\r\n\r\n'],
    ['CONNECT with a body', 'CONNECT app.test:443 HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc'],
    ['unknown method', 'FOO / HTTP/1.1\r\nHost: app.test\r\n\r\n'],
    ['HTTP/2.0', 'GET / HTTP/2.0\r\nHost: app.test\r\n\r\n'],
    ['HTTP/0.9', 'GET /\r\n\r\n'],
    ['HTTP/1.9', 'GET / HTTP/1.9\r\nHost: app.test\r\n\r\n'],
    ['chunk size 0x', `${HEAD}Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n`],
    ['chunk size with underscore', `${HEAD}Transfer-Encoding: chunked\r\n\r\n1_0\r\n0123456789abcdef\r\n0\r\n\r\n`],
    ['chunk size with plus', `${HEAD}Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n`],
    ['chunk size overflow', `${HEAD}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n`],
    ['chunk with bare LF', `${HEAD}Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n`],
    ['space after a chunk size', `${HEAD}Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n`],
  ])('%s', async (_name, request) => {
    const { answer, reached, reasons } = await send(request);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toMatch(/connection: close/i);
    expect(answer).toContain('request_invalid');
    expect(reached).toBe('');
    expect(reasons).toEqual(['request_invalid']);
  });
});

describe('limits', () => {
  it.each([
    ['one large field', `X: ${'a'.repeat(5000)}\r\n`, 'limit_header_bytes'],
    ['many large fields', `X: ${'a'.repeat(400)}\r\n`.repeat(12), 'limit_header_bytes'],
    ['many fields', 'X: a\r\n'.repeat(25), 'limit_header_count'],
  ])('%s get 431', async (_name, fields, reason) => {
    const { answer, reached, reasons } = await send(
      `GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n${fields}\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
    expect(reached).toBe('');
    expect(reasons).toEqual([reason]);
  });

  it('a declared body above max_body gets 413 and is never begun', async () => {
    const { answer, reached } = await send(
      `${HEAD}Content-Length: 1001\r\nConnection: close\r\n\r\n${'a'.repeat(1001)}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('limit_body');
    expect(reached).toBe('');
  });

  it('a chunked body above max_body gets 413 and never looks whole to the backend', async () => {
    const chunk = `1f4\r\n${'a'.repeat(500)}\r\n`;
    const { reached, reasons } = await send(
      `${HEAD}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(3)}0\r\n\r\n`,
    );
    expect(reasons).toEqual(['limit_body']);
    expect(reached).not.toContain('\r\n0\r\n');
  });
});

it('a target in absolute-form with the same host is served as origin-form', async () => {
  const { answer, reached } = await send(
    'GET https://APP.test:443/x?y HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n',
  );
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(reached).toMatch(/^GET \/x\?y HTTP\/1\.1\r\n/);
});

it('Upgrade: h2c is stripped and the request served', async () => {
  const { answer, reached } = await send(
    'GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n',
  );
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(reached).not.toMatch(/upgrade|http2-settings/i);
});

it('a chunked body is framed anew for the backend and its forged trailers are dropped', async () => {
  const { answer, reached } = await send(
    `${HEAD}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3;ext=1\r\nabc\r\n0\r\nX-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(reached).toMatch(/\r\n\r\n3\r\nabc\r\n0\r\n\r\n$/);
  expect(reached).not.toContain('6.6.6.6');
});

it('a request body that is cut short is cut short for the backend too', async () => {
  let text = '';
  const broken = Promise.withResolvers<string>();
  await using silent = await listenOn(
    createServer((socket) => {
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
        if (text.includes('abc')) client.destroy();
      });
      socket.on('close', () => broken.resolve(text));
    }),
  );
  await rig.addRoute('silent.test', silent.address);
  const client = await rig.tls('silent.test');
  client.write('POST / HTTP/1.1\r\nHost: silent.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
  expect(await broken.promise).not.toContain('\r\n0\r\n');
  expect(text).toContain('abc');
});
