import { once } from 'node:events';
import { createServer } from 'node:http';
import { rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildClientHello } from '../../proxy/client-hello/test/build-client-hello.ts';
import { listenOn } from '../../proxy/l7/test/harness.ts';
import { ctlJson, until } from './proxy-control.ts';
import { makeTempDir, startMcProxy, type RunningProxy } from './running-proxy.ts';
import { dial, received, startTcpBackend, type TcpBackend } from './tcp-peers.ts';
import { createPki, dialTls, type TestPki } from './tls-peers.ts';

const LISTENER = '127.0.0.1:0';
const RELAYED = 'relayed.example.test';
const ENDED = 'ended.example.test';

interface Listed {
  readonly id: string;
  readonly bytes_up: number;
  readonly bytes_down: number;
  readonly [field: string]: unknown;
}

describe('open connections of a running mc-proxy', () => {
  const dir = makeTempDir();
  let pki: TestPki;
  let proxy: RunningProxy;
  let tcp: TcpBackend;
  let http: Awaited<ReturnType<typeof listenOn>>;

  beforeAll(async () => {
    pki = await createPki(dir);
    const { cert, key } = await pki.files(ENDED);
    tcp = await startTcpBackend();
    http = await listenOn(createServer((_request, response) => response.end('hello')));
    proxy = await startMcProxy(() => `[[listeners]]\naddr = "${LISTENER}"\n`);
    await add(RELAYED, tcp.address);
    await add('other.example.test', tcp.address);
    await done(
      'routes',
      'add',
      '--hostname',
      ENDED,
      '--backend',
      http.address,
      '--mode',
      'l7',
      '--tls-cert',
      cert,
      '--tls-key',
      key,
    );
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await tcp[Symbol.asyncDispose]();
    await http[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  async function done(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await proxy.ctl(...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  }

  const add = (hostname: string, backend: string): Promise<string> =>
    done('routes', 'add', '--hostname', hostname, '--backend', backend, '--mode', 'l4');

  const list = async (...args: string[]): Promise<Listed[]> =>
    (await ctlJson(proxy, 'connections', 'list', ...args)) as Listed[];

  /** A relayed connection over which both sides have heard each other. */
  async function relayed(sni: string): Promise<{ client: Socket; backend: Socket; port: number }> {
    const index = tcp.connections.length;
    const hello = buildClientHello(sni);
    const client = await dial(proxy.port(LISTENER));
    client.write(hello);
    const backend = await tcp.connection(index);
    await received(backend, hello.length);
    backend.socket.write('hello back');
    await once(client, 'data');
    return { client, backend: backend.socket, port: client.localPort ?? 0 };
  }

  /** A connection over which a request was answered, and which is kept alive. */
  async function ended(): Promise<TLSSocket> {
    const client = await dialTls(proxy.port(LISTENER), { ca: pki.caPem, servername: ENDED });
    client.write(`GET / HTTP/1.1\r\nHost: ${ENDED}\r\n\r\n`);
    await once(client, 'data');
    return client;
  }

  function reset(socket: Socket): Promise<string> {
    return new Promise((resolve) => {
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
      socket.once('end', () => resolve('FIN'));
      socket.resume();
    });
  }

  /** Something went both ways after the question. */
  async function isAlive(client: Socket, backend: Socket): Promise<boolean> {
    backend.write('still here');
    const [down] = (await once(client, 'data')) as [Buffer];
    client.write('me too');
    const [up] = (await once(backend, 'data')) as [Buffer];
    return down.toString() === 'still here' && up.toString() === 'me too';
  }

  it('PX-23 are listed with client, route, backend and bytes, under the id of their log line', async () => {
    const { client, backend, port } = await relayed(RELAYED);
    const [listed, ...rest] = await list('--hostname', RELAYED);
    expect(rest).toEqual([]);
    expect(listed).toMatchObject({
      listener: LISTENER,
      client: '127.0.0.1',
      client_port: port,
      peer: '127.0.0.1',
      sni: RELAYED,
      route: RELAYED,
      backend: tcp.address,
      mode: 'l4',
      bytes_up: buildClientHello(RELAYED).length,
      bytes_down: 'hello back'.length,
    });
    client.end();
    backend.end();
    await proxy.line(({ msg, id }) => msg === 'connection' && id === listed?.id);
    expect(await list('--hostname', RELAYED)).toEqual([]);
  });

  it('of L7 count what crossed the socket of the client', async () => {
    const client = await ended();
    const [listed] = await list('--hostname', ENDED, '--listener', LISTENER, '--ip', '127.0.0.1');
    expect(listed).toMatchObject({ mode: 'l7', route: ENDED, backend: '', sni: ENDED });
    // The handshake alone is some hundred bytes each way.
    expect(listed?.bytes_up).toBeGreaterThan(300);
    expect(listed?.bytes_down).toBeGreaterThan(300);
    const line = await proxy.line(({ msg, route }) => msg === 'request' && route === ENDED);
    expect(line['id']).toBe(listed?.id);
    client.destroy();
    await until(
      () => list('--hostname', ENDED),
      ({ length }) => length === 0,
    );
  });

  it('are filtered, and the answer is bounded', async () => {
    const open = [await relayed(RELAYED), await relayed('other.example.test'), await relayed(RELAYED)];
    expect(await list('--hostname', 'OTHER.example.test.')).toHaveLength(1);
    expect(await list('--ip', '::ffff:127.0.0.1')).toHaveLength(3);
    expect(await list('--ip', '127.0.0.2')).toEqual([]);
    const { code, stdout, stderr } = await proxy.ctl('connections', 'list', '--limit', '2');
    expect(code).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(3);
    expect(stderr).toMatch(/1 more/);
    const wrong = await proxy.ctl('connections', 'list', '--listener', ':1');
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('listener_unknown') as string });
    for (const { client } of open) client.resetAndDestroy();
    await until(
      () => list(),
      ({ length }) => length === 0,
    );
  });

  it('are killed one by one: both sides get RST, and no other connection notices', async () => {
    const [victim, witness] = [await relayed(RELAYED), await relayed(RELAYED)];
    const tls = await ended();
    const listed = await list();
    const id = listed.find((connection) => connection['client_port'] === victim.port)?.id ?? '';
    const cut = Promise.all([reset(victim.client), reset(victim.backend)]);
    expect(await done('connections', 'kill', id)).toBe(
      `connection ${id} of 127.0.0.1:${victim.port} to ${RELAYED} was cut off\n`,
    );
    expect(await cut).toEqual(['ECONNRESET', 'ECONNRESET']);
    expect(await proxy.line((line) => line['id'] === id)).toMatchObject({ msg: 'connection', end: 'killed' });
    expect(await isAlive(witness.client, witness.backend)).toBe(true);

    const cutTls = reset(tls);
    await done('connections', 'kill', listed.find(({ route }) => route === ENDED)?.id ?? '');
    expect(await cutTls).toBe('ECONNRESET');

    const again = await proxy.ctl('connections', 'kill', id);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('connection_not_found') as string });
    witness.client.resetAndDestroy();
    await until(
      () => list(),
      ({ length }) => length === 0,
    );
  });

  it('PX-17 live on when their route is replaced and removed; --kill cuts those of that route off and no other', async () => {
    const [open, other] = [await relayed(RELAYED), await relayed('other.example.test')];
    await add(RELAYED, '127.0.0.1:1');
    expect(await isAlive(open.client, open.backend)).toBe(true);
    await done('routes', 'remove', '--hostname', RELAYED);
    expect(await isAlive(open.client, open.backend)).toBe(true);
    expect(await list('--hostname', RELAYED)).toHaveLength(1);

    await add(RELAYED, tcp.address);
    const cut = Promise.all([reset(open.client), reset(open.backend)]);
    await done('routes', 'remove', '--hostname', RELAYED, '--kill');
    expect(await cut).toEqual(['ECONNRESET', 'ECONNRESET']);
    expect(await isAlive(other.client, other.backend)).toBe(true);

    const tls = await ended();
    const cutTls = reset(tls);
    await done('routes', 'remove', '--hostname', ENDED, '--kill');
    expect(await cutTls).toBe('ECONNRESET');
    other.client.resetAndDestroy();
  });
});
