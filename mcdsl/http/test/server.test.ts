import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { Readable } from 'node:stream';
import tls from 'node:tls';

import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { requireClient } from '../../../deploy/checks/clients.ts';
import {
  content,
  defineApi,
  formBody,
  hostCookie,
  html,
  httpErrors,
  json,
  jsonBody,
  mount,
  route,
  streamBody,
} from '../index.ts';
import { trustProxies } from '../client-address.ts';
import { curl, startServer } from './fixture.ts';
import type { TestServer } from './fixture.ts';

requireClient('curl');

const thing = z.strictObject({ name: z.string().max(20), count: z.int().optional() });
const refused = { rule: 'nobody', authorize: () => Promise.reject(httpErrors.error('permission_denied', 'not you')) };

function demoApi() {
  return defineApi({
    routes: {
      list: route({
        method: 'GET',
        path: '/v1/things',
        query: z.strictObject({ limit: z.coerce.number().max(500).optional(), tag: z.string().optional() }),
        answer: ({ query, clientAddress, scheme }) => json(200, { query, clientAddress, scheme }),
      }),
      put: route({
        method: 'PUT',
        path: '/v1/things/:id',
        params: z.strictObject({ id: z.string() }),
        body: jsonBody(thing),
        answer: ({ params, body }) => json(200, { id: params.id, ...body }),
      }),
      secret: route({ method: 'POST', path: '/v1/secret', body: jsonBody(thing), answer: () => json(200, {}) }),
      fail: route({ method: 'GET', path: '/v1/fail', answer: () => Promise.reject(new Error('planted-secret')) }),
      page: route({ method: 'GET', path: '/page', page: true, answer: () => html(200, '<p>ok</p>') }),
      form: route({
        method: 'POST',
        path: '/form',
        body: formBody(z.strictObject({ a: z.string(), b: z.array(z.string()) })),
        answer({ body, addCookie }) {
          addCookie(hostCookie('__Host-demo', 'v', 60));
          return json(200, body);
        },
      }),
      upload: route({
        method: 'POST',
        path: '/upload',
        body: streamBody(),
        async answer({ body }) {
          let size = 0;
          for await (const chunk of body) size += chunk.length;
          return content(200, 'text/plain', Readable.from([`${size}`, ' bytes']));
        },
      }),
      foreign: mount({
        prefix: '/foreign',
        async handle(request, response) {
          const body = Buffer.concat(await request.toArray()).toString();
          response.end(`foreign ${request.method} ${request.url} ${body}`);
        },
      }),
    },
    authorization: {
      list: 'public',
      put: 'public',
      secret: refused,
      fail: 'public',
      page: 'public',
      form: 'public',
      upload: 'public',
      foreign: 'public',
    },
  });
}

function codeOf(body: string): unknown {
  return (JSON.parse(body) as { error: { code: string } }).error.code;
}

function put(server: TestServer, body: string, ...options: string[]) {
  const type = ['-H', 'Content-Type: application/json'];
  return curl(server, '/v1/things/7', '-X', 'PUT', ...options, ...type, '--data-binary', body);
}

describe('HTTP server', () => {
  it('IA-71 speaks TLS 1.3 alone, HTTP/2 and HTTP/1.1 on one port', async () => {
    await using server = await startServer([demoApi()]);
    expect(await curl(server, '/v1/health')).toMatchObject({
      status: 200,
      version: '2',
      body: '{"status":"ok","version":"1.2.3"}',
    });
    expect(await curl(server, '/v1/health', '--http1.1')).toMatchObject({ status: 200, version: '1.1' });
    await expect(curl(server, '/v1/health', '--tls-max', '1.2')).rejects.toThrow(/alert protocol version/);
    const socket = connectTcp(server.server.port, '127.0.0.1');
    socket.end('GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const answered = await socket.on('error', () => undefined).toArray();
    expect(Buffer.concat(answered).toString('latin1')).not.toContain('HTTP/1.1 200');
    expect(await server.registry.render()).toContain('mc_demo_http_refusals_total{reason="tls_handshake"} 2');
  });

  it('says that it does not serve', async () => {
    await using server = await startServer([]);
    server.health.set('server', 'not_serving', 'the vault is sealed');
    const { status, body } = await curl(server, '/v1/health');
    expect([status, JSON.parse(body)]).toEqual([
      503,
      { status: 'not_serving', version: '1.2.3', reason: 'server: the vault is sealed' },
    ]);
  });

  it('reads path, query and body by their schemas', async () => {
    await using server = await startServer([demoApi()]);
    expect(JSON.parse((await put(server, '{"name":"a","count":3}')).body)).toEqual({ id: '7', name: 'a', count: 3 });
    const listed = await curl(server, '/v1/things?limit=5&tag=a%20b+c');
    expect(JSON.parse(listed.body)).toMatchObject({ query: { limit: 5, tag: 'a b c' }, scheme: 'https' });
    const form = await curl(server, '/form', '-d', 'a=1%2B1&b=2&b=3');
    expect(JSON.parse(form.body)).toEqual({ a: '1+1', b: ['2', '3'] });
    expect(form.headers.get('set-cookie')).toBe('__Host-demo=v; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax');
  });

  it.each<[string, string, string[], number, string]>([
    ['unknown field', '{"name":"a","more":1}', [], 400, 'more: unknown field'],
    ['wrong type', '{"name":7}', [], 400, 'name: Invalid input'],
    ['name twice', '{"name":"a","name":"b"}', [], 400, 'twice'],
    ['no JSON', '{"name":', [], 400, 'not JSON'],
    ['other content type', '{}', ['-H', 'Content-Type: text/plain'], 415, 'application/json'],
    ['other charset', '{}', ['-H', 'Content-Type: application/json; charset=latin1'], 415, 'UTF-8'],
    ['compressed', '{}', ['-H', 'Content-Encoding: gzip'], 415, 'not compressed'],
  ])('refuses a body with %s', async (_what, body, options, status, message) => {
    await using server = await startServer([demoApi()]);
    const answer = await put(server, body, ...options);
    expect(answer.status).toBe(status);
    expect(answer.body).toContain(message);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  it('refuses a parameter given twice, one that nobody knows, and bad encoding', async () => {
    await using server = await startServer([demoApi()]);
    for (const path of ['?tag=a&tag=b', '?nothing=1', '?tag=%ff', '?tag=%zz']) {
      const answer = await curl(server, `/v1/things${path}`);
      expect([path, answer.status, codeOf(answer.body)]).toEqual([path, 400, 'invalid_argument']);
    }
    const encoded = await curl(server, '/v1/things/%ff', '--path-as-is', '-X', 'PUT');
    expect([encoded.status, codeOf(encoded.body)]).toEqual([400, 'invalid_argument']);
  });

  it('answers 404 and 405 from the table, with Allow', async () => {
    await using server = await startServer([demoApi()]);
    const missing = await curl(server, '/v1/nothing');
    expect([missing.status, codeOf(missing.body)]).toEqual([404, 'not_found']);
    for (const path of ['/v1/thing', '/V1/things', '//v1/things']) {
      expect((await curl(server, path, '--path-as-is')).status).toBe(404);
    }
    const unnamed = await curl(server, '/v1/things/', '-X', 'PUT', '-d', 'x');
    expect([unnamed.status, codeOf(unnamed.body)]).toEqual([404, 'not_found']);
    const wrong = await curl(server, '/v1/things', '-X', 'DELETE');
    expect([wrong.status, codeOf(wrong.body), wrong.headers.get('allow')]).toEqual([
      405,
      'method_not_allowed',
      'GET, HEAD',
    ]);
    expect((await curl(server, '/v1/things', '-I')).status).toBe(200);
  });

  it('stops reading at the limit, with and without a declared length, over both versions', async () => {
    await using server = await startServer([demoApi()], { limits: { maxBodyBytes: 1000 } });
    const big = `{"name":"${'x'.repeat(2000)}"}`;
    for (const version of ['--http1.1', '--http2']) {
      for (const more of [[], ['-H', 'Transfer-Encoding: chunked']]) {
        if (version === '--http2' && more.length > 0) continue;
        const answer = await put(server, big, version, ...more);
        expect([version, answer.status, codeOf(answer.body)]).toEqual([version, 413, 'too_large']);
      }
    }
    // A client that never stops: the answer comes although the body does not end, and the connection does.
    const socket = tls.connect({
      port: server.server.port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: server.tls.ca.certPem,
    });
    await once(socket, 'secureConnect');
    let sent = 0;
    const block = `400\r\n${'y'.repeat(1024)}\r\n`;
    const flood = setInterval(() => socket.writable && socket.write(block, () => (sent += 1024)), 1);
    socket.write(
      'PUT /v1/things/1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    const received: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    socket.on('error', () => undefined);
    await once(socket, 'close');
    clearInterval(flood);
    expect(Buffer.concat(received).toString()).toContain('HTTP/1.1 413');
    expect(sent).toBeLessThan(4 * 1024 * 1024);
  });

  it('IA-70 asks the rule before it reads the body, and tells the caller nothing of what failed inside', async () => {
    await using server = await startServer([demoApi()]);
    const denied = await curl(server, '/v1/secret', '-H', 'Content-Type: application/json', '-d', 'no JSON');
    expect([denied.status, codeOf(denied.body)]).toEqual([403, 'permission_denied']);
    const failed = await curl(server, '/v1/fail');
    expect(failed.status).toBe(500);
    expect(failed.body).not.toContain('planted-secret');
    const { details } = (JSON.parse(failed.body) as { error: { details: { error_id: string } } }).error;
    const line = server.logger.lines.find(({ msg }) => msg === 'request failed');
    expect(line?.fields['error_id']).toBe(details.error_id);
  });

  it('writes one line and counts once for each request, without query and body', async () => {
    await using server = await startServer([demoApi()]);
    const answer = await curl(server, '/v1/things?tag=planted-secret');
    await expect.poll(() => server.logger.lines.filter(({ msg }) => msg === 'request')).toHaveLength(1);
    const { fields } = server.logger.lines.find(({ msg }) => msg === 'request')!;
    expect(fields).toMatchObject({
      method: 'GET',
      route: 'GET /v1/things',
      path: '/v1/things',
      status: 200,
      protocol: 'HTTP/2.0',
    });
    expect(fields['request_id']).toBe(answer.headers.get('x-request-id'));
    expect(JSON.stringify(fields)).not.toContain('planted-secret');
    const metrics = await server.registry.render();
    expect(metrics).toContain('mc_demo_http_requests_total{method="GET",route="GET /v1/things",status="200"} 1');
    expect(metrics).toContain('mc_demo_http_active_requests 0');
  });

  it('believes the last hop of a trusted proxy and nobody else', async () => {
    const headers = ['-H', 'X-Forwarded-For: 198.51.100.9, ::ffff:203.0.113.7', '-H', 'X-Forwarded-Proto: https'];
    const api = [demoApi()];
    await using trusting = await startServer(api, {
      plain: true,
      trustedProxies: trustProxies([{ address: '127.0.0.0', prefix: 8 }]),
    });
    const believed = await curl(trusting, '/v1/things', ...headers, '-H', 'X-Request-Id: hop-12345678');
    expect(JSON.parse(believed.body)).toMatchObject({ clientAddress: '203.0.113.7', scheme: 'https' });
    expect(believed.headers.get('x-request-id')).toBe('hop-12345678');
    await using wary = await startServer(api, { plain: true });
    const ignored = await curl(wary, '/v1/things', ...headers, '-H', 'X-Request-Id: hop-12345678');
    expect(JSON.parse(ignored.body)).toMatchObject({ clientAddress: '127.0.0.1', scheme: 'http' });
    expect(ignored.headers.get('x-request-id')).not.toBe('hop-12345678');
  });

  it('IA-76 sends pages under headers that keep foreign scripts and frames out', async () => {
    await using server = await startServer([demoApi()], { hsts: true });
    const { headers } = await curl(server, '/page');
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
    expect(headers.get('strict-transport-security')).toMatch(/^max-age=\d+/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('referrer-policy')).toBe('same-origin');
  });

  it('streams bodies both ways, and hands a mount its requests unread', async () => {
    await using server = await startServer([demoApi()], { limits: { maxBodyBytes: 10 } });
    const upload = await curl(server, '/upload', '--data-binary', 'z'.repeat(100_000));
    expect(upload.body).toBe('100000 bytes');
    expect((await curl(server, '/foreign/a?b=c', '-d', 'unread')).body).toBe('foreign POST /foreign/a?b=c unread');
  });
});
