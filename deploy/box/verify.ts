import { readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { request } from 'node:https';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { messageOf } from '../../mcdsl/errors/index.ts';
import { BoxError } from './errors.ts';
import { databaseFile, L4_HOST, L7_HOST, logFile, type BoxPlan } from './plan.ts';

/** What a check of the running box found. */
export interface Verified {
  readonly what: string;
  readonly found: string;
}

const TIMEOUT_MS = 10_000;

/**
 * One request through each path.
 * @throws BoxError naming the first that does not answer as it should
 */
export async function verifyPaths(plan: BoxPlan): Promise<Verified[]> {
  const ca = readFileSync(plan.caFile, 'utf8');
  const l7 = tlsOptions(plan.port, ca, L7_HOST);
  const l4 = tlsOptions(plan.port, ca, L4_HOST);
  const checks: readonly (readonly [string, () => Promise<string>])[] = [
    [`L7, HTTP/1.1, ${L7_HOST}`, () => expectStatus(http1(l7, 'curl/8'), 200, 'the plain HTTP origin')],
    [`L7, HTTP/2, ${L7_HOST}`, () => expectStatus(http2(l7), 200, 'the plain HTTP origin')],
    ['L7, User-Agent zgrab/0.x', () => expectStatus(http1(l7, 'zgrab/0.x'), 403, 'ua_blocked')],
    [`L4, HTTP/1.1, ${L4_HOST}`, () => expectStatus(http1(l4, 'curl/8'), 200, 'its own TLS')],
    ['L4, certificate of the origin', () => certificateName(l4, L4_HOST)],
  ];
  const verified: Verified[] = [];
  for (const [what, check] of checks) {
    try {
      verified.push({ what, found: await check() });
    } catch (error) {
      throw failed(plan.dir, what, error);
    }
  }
  return verified;
}

function failed(dir: string, what: string, error: unknown): BoxError {
  const reason = messageOf(error);
  return new BoxError(
    `mc-proxy runs, but the check "${what}" failed: ${reason}`,
    [
      `Its log says why: ${logFile(dir)}`,
      `What mcproxyctl changed in earlier runs still holds; to begin without it, remove ${databaseFile(dir)}`,
    ].join('\n'),
  );
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function expectStatus(pending: Promise<Answer>, status: number, word: string): Promise<string> {
  const answer = await pending;
  if (answer.status !== status || !answer.body.includes(word)) {
    throw new Error(`expected status ${status} and "${word}", got ${answer.status}: ${answer.body.slice(0, 200)}`);
  }
  return `${answer.status} ${answer.body.split('\n')[0] ?? ''}`;
}

function tlsOptions(port: number, ca: string, servername: string): ConnectionOptions {
  return { host: '127.0.0.1', port, ca, servername, minVersion: 'TLSv1.3' };
}

function http1(tls: ConnectionOptions, userAgent: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { host: `${tls.servername ?? ''}:${tls.port ?? ''}`, 'user-agent': userAgent };
    const outgoing = request({ ...tls, host: '127.0.0.1', headers, agent: false, timeout: TIMEOUT_MS }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    outgoing.on('error', reject);
    outgoing.end();
  });
}

function http2(tls: ConnectionOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`https://${tls.servername ?? ''}:${tls.port ?? ''}`, {
      ...tls,
      createConnection: () => connectTls({ ...tls, ALPNProtocols: ['h2'] }),
    });
    session.on('error', reject);
    session.setTimeout(TIMEOUT_MS, () => session.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    const stream = session.request({ ':path': '/' });
    let status = 0;
    let body = '';
    stream.on('response', (headers) => (status = Number(headers[':status'])));
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => (body += text));
    stream.on('end', () => {
      session.close();
      resolve({ status, body });
    });
    stream.on('error', reject);
    stream.end();
  });
}

function certificateName(tls: ConnectionOptions, expected: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connectTls(tls, () => {
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      if (subject.CN === expected) resolve(`CN=${subject.CN}, verified against the seed CA`);
      else reject(new Error(`expected the certificate of ${expected}, got ${String(subject.CN)}`));
    });
    socket.on('error', reject);
  });
}
