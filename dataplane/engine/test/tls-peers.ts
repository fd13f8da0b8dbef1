import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { createSeedCa, type IssuedPair, type IssueOptions } from '../../../mcdsl/seed-pki/index.ts';
import { listenOn } from '../../proxy/l7/test/harness.ts';
import { run, type CommandResult } from './running-proxy.ts';
import { dial, writeInPieces } from './tcp-peers.ts';

/** A CA of one test; its certificates lie in the directory that the proxy reads. */
export interface TestPki {
  readonly caFile: string;
  readonly caPem: string;
  issue(options: IssueOptions): Promise<IssuedPair>;
  /** Writes both files, each replaced whole. */
  write(name: string, pair: IssuedPair): CertificateFiles;
  /** Issues and writes the pair of one host. */
  files(hostname: string, options?: Omit<IssueOptions, 'names'>): Promise<CertificateFiles>;
}

export interface CertificateFiles extends IssuedPair {
  readonly cert: string;
  readonly key: string;
}

export async function createPki(dir: string): Promise<TestPki> {
  const ca = await createSeedCa('Test Root');
  mkdirSync(dir, { recursive: true });
  const caFile = join(dir, 'ca.pem');
  writeFileSync(caFile, ca.certPem);
  const pki: TestPki = {
    caFile,
    caPem: ca.certPem,
    issue: (options) => ca.issue(options),
    write(name, pair) {
      const files = { cert: join(dir, `${name}.pem`), key: join(dir, `${name}.key`) };
      replaceFile(files.cert, pair.certPem);
      replaceFile(files.key, pair.keyPem);
      return { ...files, ...pair };
    },
    files: async (hostname, options) => pki.write(hostname, await ca.issue({ ...options, names: [hostname] })),
  };
  return pki;
}

/** As a careful operator replaces a file: nobody ever sees half of it. */
export function replaceFile(path: string, content: string | Uint8Array): void {
  writeFileSync(`${path}.new`, content, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** An HTTPS origin on a loopback port of the kernel's choice. */
export function startHttpsOrigin(
  { certPem, keyPem }: IssuedPair,
  answer: RequestListener,
): ReturnType<typeof listenOn> {
  return listenOn(createServer({ cert: certPem, key: keyPem }, answer));
}

export interface CurlOptions {
  /** The loopback address to come from. */
  readonly from?: string;
  readonly args?: readonly string[];
}

/** curl against a loopback port by a host name, verifying with the CA; stdout is the body, then `|STATUS HTTP-VERSION`. */
export function curl(
  program: string,
  caFile: string,
  url: { readonly hostname: string; readonly port: number; readonly path?: string },
  { from, args = [] }: CurlOptions = {},
): Promise<CommandResult> {
  const { hostname, port, path = '/' } = url;
  const fixed = ['--silent', '--show-error', '--noproxy', '*', '--max-time', '20', '--cacert', caFile];
  const resolve = ['--resolve', `${hostname}:${port}:127.0.0.1`];
  const report = ['--write-out', '|%{http_code} %{http_version}'];
  const source = from === undefined ? [] : ['--interface', from];
  return run(program, [...fixed, ...resolve, ...report, ...source, ...args, `https://${hostname}:${port}${path}`]);
}

/** A TLS connection that was verified; the caller destroys it. */
export async function dialTls(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  return secured(connect({ port, host: '127.0.0.1', ...options }));
}

/** As dialTls, with all that the client sends cut into segments of `size` bytes. */
export async function dialTlsInPieces(port: number, size: number, options: ConnectionOptions): Promise<TLSSocket> {
  return secured(connect({ socket: inPieces(await dial(port), size), ...options }));
}

function inPieces(socket: Socket, size: number): Duplex {
  const pieces = new Duplex({
    read: () => void socket.resume(),
    write: (bytes: Buffer, _encoding, done) => void writeInPieces(socket, bytes, size).then(() => done(), done),
    final: (done) => void socket.end(done),
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  socket.on('data', (bytes: Buffer) => void (pieces.push(bytes) || socket.pause()));
  socket.on('end', () => pieces.push(null));
  socket.on('error', (error) => pieces.destroy(error));
  return pieces;
}

function secured(socket: TLSSocket): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** What an HTTP/1.1 server answers on this connection, which it is asked to close. */
export async function ask(socket: TLSSocket, host: string): Promise<string> {
  let answer = '';
  socket.on('data', (bytes: Buffer) => (answer += bytes.toString()));
  const ended = new Promise((resolve, reject) => socket.once('end', resolve).once('error', reject));
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  await ended;
  socket.destroy();
  return answer;
}
