import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request } from 'node:https';
import { connect } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { text } from 'node:stream/consumers';
import { FORWARDED_PATH, HELLO_ANSWER, STREAM_BYTES, WEB_BODY } from './backends.ts';
import { WEB_HOST, type Site } from './model.ts';
import { streamDigest } from './programs/stream-block.ts';

/** Each rejects with what differs from what every server has to answer. */

/** Two requests on HTTP/1.1: the body, and the forwarded headers that the backend got. */
export async function checkHttp1(site: Site): Promise<void> {
  expectWeb(await getHttp1(site, '/'), WEB_BODY);
  expectForwarded(site, await getHttp1(site, FORWARDED_PATH));
}

export async function checkHttp2(site: Site): Promise<void> {
  expectWeb(await getHttp2(site, '/'), WEB_BODY);
  expectForwarded(site, await getHttp2(site, FORWARDED_PATH));
}

/** A ClientHello is answered by the backend's bytes and the end. */
export async function checkHello(site: Site): Promise<void> {
  expectSame('answer to the ClientHello', (await exchange(site)).toString('latin1'), HELLO_ANSWER);
}

export async function checkStream(site: Site): Promise<void> {
  const answer = await exchange(site);
  expectSame('bytes of the stream', answer.length, STREAM_BYTES);
  expectSame('SHA-256 of the stream', createHash('sha256').update(answer).digest('hex'), streamDigest());
}

/** A client on 127.0.0.1 is reset without a byte, one on 127.0.0.2 is served. */
export async function checkRefused(site: Site): Promise<void> {
  const refused = await exchange(site).then(
    (answer) => `${answer.length} bytes and the end`,
    (error: NodeJS.ErrnoException) => error.code,
  );
  // A reset that is faster than our write ends it with EPIPE.
  expectSame('end of a blocked connection', refused === 'EPIPE' ? 'ECONNRESET' : refused, 'ECONNRESET');
  const served = await exchange(site, '127.0.0.2');
  expectSame('answer to a client that is not blocked', served.toString('latin1'), HELLO_ANSWER);
}

interface WebAnswer {
  readonly tls: string | null;
  readonly status: number | undefined;
  readonly body: string;
}

async function getHttp1(site: Site, path: string): Promise<WebAnswer> {
  const sent = request({
    host: '127.0.0.1',
    port: site.port,
    path,
    servername: WEB_HOST,
    headers: { host: `${WEB_HOST}:${site.port}` },
    ca: readFileSync(site.tls.ca),
    agent: false,
  });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const tls = (response.socket as TLSSocket).getProtocol();
  return { tls, status: response.statusCode, body: await text(response) };
}

async function getHttp2(site: Site, path: string): Promise<WebAnswer> {
  const session = connectHttp2(`https://${WEB_HOST}:${site.port}`, {
    ca: readFileSync(site.tls.ca),
    host: '127.0.0.1',
  });
  const failed = once(session, 'close').then(() => Promise.reject(new Error('the HTTP/2 connection closed')));
  try {
    const stream = session.request({ ':path': path });
    const [headers] = (await Promise.race([once(stream, 'response'), failed])) as [Record<string, unknown>];
    const tls = (session.socket as TLSSocket).getProtocol();
    return { tls, status: Number(headers[':status']), body: await text(stream) };
  } finally {
    failed.catch(() => undefined);
    session.destroy();
  }
}

function expectWeb({ tls, status, body }: WebAnswer, expectedBody: string): void {
  expectSame('TLS version', tls, 'TLSv1.3');
  expectSame('status', status, 200);
  expectSame('body', body, expectedBody);
}

function expectForwarded(site: Site, answer: WebAnswer): void {
  // Whether X-Forwarded-Host keeps the port is each server's habit.
  const body = answer.body.replace(new RegExp(`:${site.port}$`), '');
  expectWeb({ ...answer, body }, `127.0.0.1|127.0.0.1|https|${WEB_HOST}`);
}

/** Sends the ClientHello, returns all that comes until the end. Rejects with the socket's error. */
async function exchange(site: Site, localAddress = '127.0.0.1'): Promise<Buffer> {
  const socket = connect({ host: '127.0.0.1', port: site.port, localAddress });
  socket.write(readFileSync(site.helloFile));
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function expectSame(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
}
