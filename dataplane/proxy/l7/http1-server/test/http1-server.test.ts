import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTcp } from 'node:net';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRig, listenOn, type Rig } from '../../test/harness.ts';

let rig: Rig;
let backend: Awaited<ReturnType<typeof listenOn>>;
/** What the backend was asked: method, target, body. */
let asked: string[] = [];

beforeAll(async () => {
  rig = await createRig({ maxHeaderBytes: 4096, headerTimeoutMs: 1_000 });
  backend = await listenOn(
    createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
      request.on('error', () => request.destroy());
      request.on('end', () => {
        asked.push(`${request.method} ${request.url} ${body}`);
        if (request.url === '/chunked') {
          response.write('one,');
          setImmediate(() => response.end('two'));
        } else response.setHeader('Content-Length', 2).end('ok');
      });
    }),
  );
  await rig.addRoute('app.test', backend.address);
});

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

/** Sends the pieces one after the other, each in a TLS record of its own, and reads until the proxy closes. */
async function send(...pieces: string[]): Promise<{ statuses: string[]; text: string }> {
  asked = [];
  const socket = await rig.tls('app.test');
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.on('error', () => socket.destroy());
  const closed = once(socket, 'close');
  for (const piece of pieces) await new Promise((resolve) => socket.write(piece, 'latin1', resolve));
  await closed;
  return { statuses: [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status ?? ''), text };
}

const GET = 'GET /a HTTP/1.1\r\nHost: app.test\r\n\r\n';
const LAST = 'GET /last HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n';
const POST = 'POST /b HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\nhello';
const CHUNKED =
  'POST /c HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nX-A: b\r\n\r\n';

describe('PX-3 requests of HTTP/1.1', () => {
  it('sent ahead are answered one after the other, bodies and empty lines between them', async () => {
    const { statuses } = await send(`${GET}${POST}\r\n${CHUNKED}${LAST}`);
    expect(statuses).toEqual(['200', '200', '200', '200']);
    expect(asked).toEqual(['GET /a ', 'POST /b hello', 'POST /c hello', 'GET /last ']);
  });

  it('may be cut anywhere', async () => {
    const text = `${POST}${CHUNKED}${LAST}`;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 12 }), async (places) => {
        const at = [0, ...places.sort((a, b) => a - b), text.length];
        const pieces = at.slice(1).map((to, i) => text.slice(at[i], to));
        const { statuses } = await send(...pieces.filter((piece) => piece !== ''));
        expect(statuses).toEqual(['200', '200', '200']);
        expect(asked).toEqual(['POST /b hello', 'POST /c hello', 'GET /last ']);
      }),
      { numRuns: 25 },
    );
  });

  it('byte by byte', async () => {
    const { statuses } = await send(...`\r\n${CHUNKED}${LAST}`);
    expect(statuses).toEqual(['200', '200']);
    expect(asked).toEqual(['POST /c hello', 'GET /last ']);
  });

  it('sent ahead by the hundred are held back, and all answered', async () => {
    const { statuses } = await send(GET.repeat(3000) + LAST);
    expect(statuses).toHaveLength(3001);
    expect(new Set(statuses)).toEqual(new Set(['200']));
  });

  it('a bad one after good ones is answered in its turn, and is the last', async () => {
    const { statuses, text } = await send(`${GET}GET /x y HTTP/1.1\r\nHost: app.test\r\n\r\n${LAST}`);
    expect(statuses).toEqual(['200', '400']);
    expect(text).toContain('request_invalid');
    expect(asked).toEqual(['GET /a ']);
  });

  it('a refused one whose body comes all the same does not make a request of that body', async () => {
    const { statuses } = await send(
      `POST / HTTP/1.1\r\nHost: other.test\r\nContent-Length: ${LAST.length}\r\n\r\n${LAST}${GET}${LAST}`,
    );
    expect(statuses).toEqual(['421', '200', '200']);
    expect(asked).toEqual(['GET /a ', 'GET /last ']);
  });

  it('of HTTP/1.0 are answered and the connection closed, or kept where asked', async () => {
    const first = await send('GET /chunked HTTP/1.0\r\nHost: app.test\r\n\r\n');
    expect(first.text).toMatch(/^HTTP\/1\.1 200 [^]*connection: close\r\n\r\none,two$/);
    expect(first.text).not.toMatch(/transfer-encoding/i);
    const kept = await send(
      'GET /a HTTP/1.0\r\nHost: app.test\r\nConnection: Keep-Alive\r\n\r\n',
      'GET /b HTTP/1.0\r\nHost: app.test\r\n\r\n',
    );
    expect(kept.statuses).toEqual(['200', '200']);
    expect(kept.text).toMatch(/connection: keep-alive\r\n/);
  });

  it('with Expect are asked for their body once, and not when it is there already', async () => {
    const { text } = await send(POST.replace('\r\n\r\n', '\r\nExpect: 100-Continue\r\nConnection: close\r\n\r\n'));
    expect(text).toMatch(/^(HTTP\/1\.1 100 Continue\r\n\r\n)?HTTP\/1\.1 200 /);
    expect(asked).toEqual(['POST /b hello']);
  });

  it('get a Date where the backend gives none, and only one where it does', async () => {
    await using plain = await listenOn(
      createTcp((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))),
    );
    await rig.addRoute('plain.test', plain.address);
    const text = await rig.raw('plain.test', 'GET / HTTP/1.1\r\nHost: plain.test\r\nConnection: close\r\n\r\n');
    expect(Date.parse(/\r\ndate: (.*)\r\n/.exec(text)?.[1] ?? '')).toBeGreaterThan(Date.now() - 60_000);
    const { text: dated } = await send(LAST);
    expect(dated.match(/\r\ndate: /gi)).toHaveLength(1);
  });
});

describe('PX-25 clients of HTTP/1.1', () => {
  it.each([
    [
      'a head too large, in pieces',
      ['GET / HTTP/1.1\r\nHost: app.test\r\n', ...Array<string>(60).fill(`X: ${'a'.repeat(100)}\r\n`)],
      '431',
    ],
    ['a bare line break, before the head is whole', ['GET / HTTP/1.1\r\nX: y\n'], '400'],
    ['a head that does not end', ['GET / HTTP/1.1\r\nHost:'], '408'],
    ['nothing', [], '408'],
    ['a bad chunk, later', ['POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n', 'x\r\n'], '400'],
    [
      'bad trailers',
      ['POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX : y\r\n\r\n'],
      '400',
    ],
  ])('%s', async (_name, pieces, status) => {
    const { statuses, text } = await send(...pieces);
    expect(statuses).toEqual([status]);
    expect(text).toMatch(/\r\nconnection: close\r\n/);
    expect(asked).toEqual([]);
  });

  it('a response that would be longer or shorter than its Content-Length is broken off', async () => {
    await using short = await listenOn(
      createTcp((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell'))),
    );
    await rig.addRoute('short.test', short.address);
    const text = await rig.raw('short.test', 'GET / HTTP/1.1\r\nHost: short.test\r\n\r\n');
    expect(text).not.toMatch(/hell.$/);
  });

  it('an idle connection that is drained closes, one with a request under way after its answer', async () => {
    await using own = await createRig();
    const arrived = Promise.withResolvers<() => void>();
    await using slow = await listenOn(
      createServer((request, response) => {
        if (request.url === '/slow') arrived.resolve(() => response.end('late'));
        else response.end('ok');
      }),
    );
    await own.addRoute('app.test', slow.address);
    const idle = await own.tls('app.test');
    idle.write(GET);
    await once(idle, 'data');
    const busy = await own.tls('app.test');
    busy.write(GET.replace('/a', '/slow'));
    const answer = await arrived.promise;
    const closed = once(idle, 'close');
    own.terminator.drain();
    await closed;
    answer();
    const [text] = (await once(busy, 'data')) as [Buffer];
    expect(text.toString()).toMatch(/connection: close\r\n/);
    await own.idle();
  });
});
