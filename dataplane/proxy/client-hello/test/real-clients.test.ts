import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { readClientHello } from '../client-hello.ts';
import type { ClientHello } from '../client-hello.ts';

const HELLO_MAX = 16 * 1024;
const NAME = 'app.example.test';
const TLS_1_3 = 0x0304;

/** Listens on a free port, runs the client against it and answers the first hello that arrives, with all its bytes. */
async function capture(runClient: (port: number) => Disposable): Promise<{ hello: ClientHello; bytes: Buffer }> {
  await using server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  using _client = runClient((server.address() as AddressInfo).port);
  const [socket] = (await once(server, 'connection')) as [Socket];
  let bytes = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    bytes = Buffer.concat([bytes, chunk]);
    const result = readClientHello(bytes, HELLO_MAX);
    if (result.kind === 'invalid') throw new Error(`refused: ${result.detail}`);
    // Leaving the loop destroys the socket.
    if (result.kind === 'hello') return { hello: result, bytes };
  }
  throw new Error(`the client closed after ${bytes.length} bytes`);
}

function nodeClient(options: { servername: string; ecdhCurve?: string; maxVersion?: 'TLSv1.2' }) {
  return (port: number): Disposable => {
    const socket = connect({ host: '127.0.0.1', port, ALPNProtocols: ['h2', 'http/1.1'], ...options });
    // The server never answers; its close is the client's expected end.
    socket.on('error', () => socket.destroy());
    return { [Symbol.dispose]: () => socket.destroy() };
  };
}

function command(name: string, args: (port: number) => string[]) {
  return (port: number): Disposable => {
    const child = execFile(name, args(port), () => {});
    child.stdin?.end();
    return { [Symbol.dispose]: () => child.kill('SIGKILL') };
  };
}

function isInstalled(name: string): boolean {
  return spawnSync(name, ['--version']).error === undefined;
}

describe('PX-4 hellos of real clients', () => {
  it('node:tls with a post-quantum key share', async () => {
    const { hello, bytes } = await capture(nodeClient({ servername: NAME, ecdhCurve: 'X25519MLKEM768:X25519' }));
    expect(hello).toMatchObject({ sni: NAME, alpn: ['h2', 'http/1.1'] });
    expect(hello.supportedVersions).toContain(TLS_1_3);
    expect(hello.consumedBytes).toBe(bytes.length);
    expect(bytes.length).toBeGreaterThan(1216);
  });

  it('node:tls without one', async () => {
    const { hello, bytes } = await capture(nodeClient({ servername: NAME, ecdhCurve: 'X25519' }));
    expect(hello).toMatchObject({ sni: NAME, alpn: ['h2', 'http/1.1'] });
    expect(bytes.length).toBeLessThan(1216);
  });

  it('node:tls without a name', async () => {
    const { hello } = await capture(nodeClient({ servername: '' }));
    expect(hello.sni).toBeNull();
  });

  it('node:tls up to TLS 1.2', async () => {
    const { hello } = await capture(nodeClient({ servername: NAME, maxVersion: 'TLSv1.2' }));
    expect(hello).toMatchObject({ sni: NAME, legacyVersion: 0x0303 });
    expect(hello.supportedVersions).not.toContain(TLS_1_3);
  });

  it.skipIf(!isInstalled('openssl') && process.env['CI'] === undefined)('openssl s_client', async () => {
    const { hello } = await capture(
      command('openssl', (port) => [
        's_client',
        '-connect',
        `127.0.0.1:${port}`,
        '-servername',
        'APP.example.test',
        '-alpn',
        'h2,http/1.1',
      ]),
    );
    expect(hello).toMatchObject({ sni: NAME, alpn: ['h2', 'http/1.1'] });
    expect(hello.supportedVersions).toContain(TLS_1_3);
  });

  it.skipIf(!isInstalled('curl') && process.env['CI'] === undefined)('curl', async () => {
    const { hello } = await capture(
      command('curl', (port) => [
        '-sk',
        '--noproxy',
        '*',
        '--resolve',
        `${NAME}:${port}:127.0.0.1`,
        `https://${NAME}:${port}/`,
      ]),
    );
    expect(hello.sni).toBe(NAME);
    expect(hello.alpn).toContain('http/1.1');
  });
});
