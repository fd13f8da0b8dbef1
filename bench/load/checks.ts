import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as requestInClear, type IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request } from 'node:https';
import { connect } from 'node:net';
import { connect as tlsConnect, type TLSSocket } from 'node:tls';
import { text } from 'node:stream/consumers';
import { BODY_BYTES, FORWARDED_PATH, HELLO_ANSWER, STREAM_BLOCK_BYTES, STREAM_BYTES, WEB_BODY } from './backends.ts';
import { WEB_HOST, type Site } from './model.ts';
import { blocksDigest, blocksTally, streamBlock } from './programs/stream-block.ts';

/** Each rejects with what differs from what every server has to answer. */

/** Two requests on HTTP/1.1: the body, and the forwarded headers that the backend got. */
export async function checkHttp1(site: Site): Promise<void> {
  expectWeb(site, await getHttp1(site, '/'), WEB_BODY);
  if (!site.direct) expectForwarded(site, await getHttp1(site, FORWARDED_PATH));
}

export async function checkHttp2(site: Site): Promise<void> {
  expectWeb(site, await getHttp2(site, '/'), WEB_BODY);
  expectForwarded(site, await getHttp2(site, FORWARDED_PATH));
}

/** A ClientHello is answered by the backend's bytes and the end. */
export async function checkHello(site: Site): Promise<void> {
  expectSame('answer to the ClientHello', (await exchange(site)).toString('latin1'), HELLO_ANSWER);
}

/** A ClientHello is answered by the backend's bytes, and the connection stays. */
export async function checkHeld(site: Site): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port: site.port });
  socket.write(readFileSync(site.helloFile));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expectSame('answer to the ClientHello', answer.toString('latin1'), HELLO_ANSWER);
  expectSame('the connection after it', socket.readyState, 'open');
  socket.destroy();
}

/** A whole stream comes down. */
export async function checkStream(site: Site): Promise<void> {
  const answer = await exchange(site);
  expectSame('bytes of the stream', answer.length, STREAM_BYTES);
  expectSame('SHA-256 of the stream', createHash('sha256').update(answer).digest('hex'), blocksDigest(STREAM_BYTES));
}

/** A whole stream goes up after the hello, and its end: the backend tells what it got. */
export async function checkStreamUp(site: Site): Promise<void> {
  const stream = Buffer.concat(Array.from({ length: STREAM_BYTES / STREAM_BLOCK_BYTES }, streamBlock));
  const answer = await exchange(site, { body: stream });
  expectSame('what the backend got', answer.toString('latin1'), blocksTally(STREAM_BYTES));
}

/** A whole body comes down as the backend sends it. */
export async function checkDownload(site: Site): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of await sendHttp1(site, '/')) hash.update(chunk as Buffer);
  expectSame('SHA-256 of the body', hash.digest('hex'), blocksDigest(BODY_BYTES));
}

/** A whole body goes up as it was sent: the backend tells what it got. */
export async function checkUpload(site: Site): Promise<void> {
  const body = Buffer.concat(Array.from({ length: BODY_BYTES / STREAM_BLOCK_BYTES }, streamBlock));
  const response = await sendHttp1(site, '/', body);
  expectSame('what the backend got', await text(response), blocksTally(BODY_BYTES));
}

/** Two connections: the second resumes the session of the first, when the client wants to. */
export async function checkResumption(site: Site): Promise<void> {
  await checkHttp1(site);
  const session = await oneSession(site);
  expectSame('resumption of a TLS session', await resumes(site, session), true);
}

/** A client on 127.0.0.1 is reset without a byte, one on 127.0.0.2 is served. */
export async function checkRefused(site: Site): Promise<void> {
  const refused = await exchange(site).then(
    (answer) => `${answer.length} bytes and the end`,
    (error: NodeJS.ErrnoException) => error.code,
  );
  // A reset that is faster than our write ends it with EPIPE.
  expectSame('end of a blocked connection', refused === 'EPIPE' ? 'ECONNRESET' : refused, 'ECONNRESET');
  const served = await exchange(site, { localAddress: '127.0.0.2' });
  expectSame('answer to a client that is not blocked', served.toString('latin1'), HELLO_ANSWER);
}

interface WebAnswer {
  readonly tls: string | null;
  readonly status: number | undefined;
  readonly body: string;
}

async function getHttp1(site: Site, path: string): Promise<WebAnswer> {
  const response = await sendHttp1(site, path);
  const tls = site.direct ? null : (response.socket as TLSSocket).getProtocol();
  return { tls, status: response.statusCode, body: await text(response) };
}

async function sendHttp1(site: Site, path: string, body?: Uint8Array): Promise<IncomingMessage> {
  const options = {
    host: '127.0.0.1',
    port: site.port,
    path,
    method: body === undefined ? 'GET' : 'POST',
    headers: { host: `${WEB_HOST}:${site.port}` },
    agent: false,
  } as const;
  const sent = site.direct
    ? requestInClear(options)
    : request({ ...options, servername: WEB_HOST, ca: readFileSync(site.tls.ca) });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return response;
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

function expectWeb({ direct }: Site, { tls, status, body }: WebAnswer, expectedBody: string): void {
  expectSame('TLS version', tls, direct ? null : 'TLSv1.3');
  expectSame('status', status, 200);
  expectSame('body', body, expectedBody);
}

function expectForwarded(site: Site, answer: WebAnswer): void {
  // Whether X-Forwarded-Host keeps the port is each server's habit.
  const body = answer.body.replace(new RegExp(`:${site.port}$`), '');
  expectWeb(site, { ...answer, body }, `127.0.0.1|127.0.0.1|https|${WEB_HOST}`);
}

/** Sends the ClientHello, returns all that comes until the end. Rejects with the socket's error. */
async function exchange(
  site: Site,
  { localAddress = '127.0.0.1', body }: { localAddress?: string; body?: Uint8Array } = {},
): Promise<Buffer> {
  const socket = connect({ host: '127.0.0.1', port: site.port, localAddress });
  socket.write(readFileSync(site.helloFile));
  if (body !== undefined) socket.end(body);
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A session ticket of a connection that has had one answer, as TLS 1.3 sends it after the handshake. */
async function oneSession(site: Site): Promise<Buffer> {
  const socket = connectTls(site);
  const ticket = once(socket, 'session');
  socket.write(`GET / HTTP/1.1\r\nHost: ${WEB_HOST}:${site.port}\r\n\r\n`);
  socket.resume();
  const [session] = (await ticket) as [Buffer];
  socket.destroy();
  return session;
}

async function resumes(site: Site, session: Buffer): Promise<boolean> {
  const socket = connectTls(site, session);
  await once(socket, 'secureConnect');
  const reused = socket.isSessionReused();
  socket.destroy();
  return reused;
}

function connectTls({ port, tls }: Site, session?: Buffer): TLSSocket {
  const base = { host: '127.0.0.1', port, servername: WEB_HOST, ca: readFileSync(tls.ca) };
  return tlsConnect(session === undefined ? base : { ...base, session });
}

function expectSame(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
}
