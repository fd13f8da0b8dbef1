import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import http2 from 'node:http2';
import { Readable } from 'node:stream';
import tls from 'node:tls';

import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { requireClient } from '../../../deploy/checks/clients.ts';
import { content, defineApi, json, jsonBody, route } from '../index.ts';
import { curl, startServer } from './fixture.ts';
import type { TestServer } from './fixture.ts';

requireClient('curl');

const echo = defineApi({
  routes: {
    echo: route({ method: 'POST', path: '/echo', body: jsonBody(z.unknown()), answer: ({ body }) => json(200, body) }),
  },
  authorization: { echo: 'public' },
});

/** A route whose requests wait until they are let go, or until their client leaves. */
function waiting() {
  const release = Promise.withResolvers<void>();
  const entered: AbortSignal[] = [];
  const api = defineApi({
    routes: {
      wait: route({
        method: 'GET',
        path: '/wait',
        async answer({ signal }) {
          entered.push(signal);
          await release.promise;
          return json(200, { done: true });
        },
      }),
    },
    authorization: { wait: 'public' },
  });
  return { api, entered, release };
}

async function talk(server: TestServer, ...texts: string[]): Promise<string> {
  const socket = await dial(server);
  for (const text of texts) socket.write(text);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

async function dial(server: TestServer): Promise<Socket> {
  const socket = connect(server.server.port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

const head = 'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';

describe('HTTP under abuse', () => {
  it.each([
    ['garbage', 'hello there\r\n\r\n', '400'],
    ['two lengths', `${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`, '400'],
    ['length and chunks', `${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`, '400'],
    ['an obsolete fold', `${head}X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}`, '400'],
    ['a head without end', `${head}X: ${'a'.repeat(20_000)}`, '431'],
    ['a broken escape in the path', 'GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', '400'],
  ])('answers %s by itself and closes', async (_what, text, status) => {
    await using server = await startServer([echo], { plain: true });
    const answer = await talk(server, text);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain('{"error":{"code":"');
  });

  it('keeps a connection whose bodies come with the head, in pieces, or two requests at once', async () => {
    await using server = await startServer([echo], { plain: true });
    const request = (value: number, close = '') => `${head}${close}Content-Length: 7\r\n\r\n{"a":${value}}`;
    const socket = await dial(server);
    let received = '';
    const answers = async (count: number): Promise<void> => {
      while ((received.match(/\{"a":\d\}/g)?.length ?? 0) < count) {
        const [chunk] = (await once(socket, 'data')) as [Buffer];
        received += chunk.toString('latin1');
      }
    };
    socket.write(request(1));
    await answers(1);
    socket.write(request(2).slice(0, -7));
    await expect.poll(() => server.server.remaining()).toBe(1);
    socket.write('{"a":2}');
    await answers(2);
    socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":3}\r\n0\r\n\r\n${request(4)}`);
    await answers(4);
    expect(received).not.toMatch(/connection: close/i);
    socket.write(request(5, 'Connection: close\r\n'));
    await answers(5);
    expect(received.match(/\{"a":\d\}/g)).toEqual([1, 2, 3, 4, 5].map((value) => `{"a":${value}}`));
    socket.destroy();
  });

  it('keeps no chunked body above the limit, though all of it came with the head', async () => {
    await using server = await startServer([echo], { plain: true, limits: { maxBodyBytes: 6 } });
    const answer = await talk(
      server,
      `${head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{"a":1}\r\n0\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
  });

  it('waits for no body longer than its time', async () => {
    await using server = await startServer([echo], { plain: true, limits: { bodyTimeoutMs: 50 } });
    const answer = await talk(server, `${head}Content-Length: 10\r\n\r\n{`);
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    expect(answer).toMatch(/connection: close/i);
    expect(await server.registry.render()).toContain('mc_demo_http_refusals_total{reason="slow_body"} 1');
  });

  it('takes so many requests at once and no more, and goes on after them', async () => {
    const { api, entered, release } = waiting();
    await using server = await startServer([api], { limits: { maxRequests: 2 } });
    const first = [curl(server, '/wait'), curl(server, '/wait')];
    await expect.poll(() => entered.length).toBe(2);
    const third = await curl(server, '/wait');
    expect([third.status, third.body]).toEqual([429, expect.stringContaining('"resource_exhausted"')]);
    release.resolve();
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await curl(server, '/wait')).status).toBe(200);
  });

  it('tells a handler that its client is gone, and counts the request out', async () => {
    const { api, entered, release } = waiting();
    await using server = await startServer([api], { plain: true });
    const socket = await dial(server);
    socket.write('GET /wait HTTP/1.1\r\nHost: a\r\n\r\n');
    await expect.poll(() => entered.length).toBe(1);
    socket.resetAndDestroy();
    await expect.poll(() => entered[0]?.aborted).toBe(true);
    release.resolve();
    await expect.poll(() => server.server.remaining()).toBe(0);
    const line = server.logger.lines.find(({ msg }) => msg === 'request');
    expect(line?.fields).toMatchObject({ route: 'GET /wait', aborted: true });
  });

  it('is cut off at once when it is killed while it drains', async () => {
    const { api, entered, release } = waiting();
    await using server = await startServer([api]);
    const answer = curl(server, '/wait').catch((error: unknown) => error);
    await expect.poll(() => entered.length).toBe(1);
    const deadline = new AbortController();
    const drained = server.server.drain(deadline.signal);
    deadline.abort();
    await drained;
    expect(server.server.remaining()).toBe(1);
    server.server.kill();
    expect(await answer).toBeInstanceOf(Error);
    expect(entered[0]?.aborted).toBe(true);
    release.resolve();
  });

  it.each(['HTTP/1.1', 'HTTP/2'])('keeps no answer for a client that does not read it, over %s', async (version) => {
    const started = Promise.withResolvers<void>();
    const endless = route({
      method: 'GET',
      path: '/endless',
      answer() {
        started.resolve();
        return content(200, 'text/plain', Readable.from(blocks()));
      },
    });
    const api = defineApi({ routes: { endless }, authorization: { endless: 'public' } });
    await using server = await startServer([api], { limits: { stallTimeoutMs: 300 } });
    const { port } = server.server;
    const ALPNProtocols = [version === 'HTTP/2' ? 'h2' : 'http/1.1'];
    const socket = tls.connect({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: server.tls.ca.certPem,
      ALPNProtocols,
    });
    await once(socket, 'secureConnect');
    socket.on('error', () => undefined);
    if (version === 'HTTP/2') {
      const session = http2.connect(server.origin, { createConnection: () => socket });
      session.on('error', () => undefined);
      session.request({ ':path': '/endless' }).on('error', () => undefined);
    } else {
      socket.write('GET /endless HTTP/1.1\r\nHost: a\r\n\r\n');
      socket.pause();
    }
    await started.promise;
    await expect.poll(() => server.server.remaining(), { timeout: 20_000 }).toBe(0);
    socket.destroy();
  });
});

function* blocks(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(16_384);
}
