import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildClientHello } from '../../proxy/client-hello/test/build-client-hello.ts';
import { readProxyHeader } from '../../proxy/proxy-protocol/index.ts';
import { startMcProxy, type RunningProxy } from './running-proxy.ts';
import { dial, fate, received, startTcpBackend, writeInPieces, type TcpBackend } from './tcp-peers.ts';

describe('L4 routes of a running mc-proxy', () => {
  let proxy: RunningProxy;
  let one: TcpBackend;
  let two: TcpBackend;
  const PLAIN = '127.0.0.1:0';
  const SECOND = '127.0.0.2:0';

  beforeAll(async () => {
    one = await startTcpBackend();
    two = await startTcpBackend();
    proxy = await startMcProxy(
      () => `
[[listeners]]
addr = "${PLAIN}"
default_route = "default.example.test"
[[listeners.routes]]
hostname = "app.example.test"
backend = "${one.address}"
mode = "l4"
[[listeners.routes]]
hostname = "*.example.test"
backend = "${two.address}"
mode = "l4"
[[listeners.routes]]
hostname = "proxied.example.test"
backend = "${one.address}"
mode = "l4"
send_proxy_protocol = true
[[listeners.routes]]
hostname = "default.example.test"
backend = "${two.address}"
mode = "l4"
[[listeners.routes]]
hostname = "down.example.test"
backends = ["127.0.0.1:1", "${one.address}"]
mode = "l4"
[[listeners.routes]]
hostname = "dead.example.test"
backend = "127.0.0.1:1"
mode = "l4"
[[listeners]]
addr = "${SECOND}"
[[listeners.routes]]
hostname = "app.example.test"
backend = "${two.address}"
mode = "l4"
`,
    );
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
  });

  /** Sends a hello and says which backend got it, byte for byte. */
  async function routedTo(sni: string | null, addr = PLAIN, host = '127.0.0.1'): Promise<'one' | 'two'> {
    const counts = [one.connections.length, two.connections.length] as const;
    const hello = buildClientHello(sni, ['h2']);
    const client = await dial(proxy.port(addr), { host });
    client.write(hello);
    const arrived = await Promise.race([
      one.connection(counts[0]).then((connection) => ({ name: 'one' as const, connection })),
      two.connection(counts[1]).then((connection) => ({ name: 'two' as const, connection })),
    ]);
    expect(await received(arrived.connection, hello.length)).toEqual(Buffer.from(hello));
    client.resetAndDestroy();
    return arrived.name;
  }

  it('PX-1 matches exact, then the wildcard of one label, then default_route', async () => {
    expect(await routedTo('app.example.test')).toBe('one');
    expect(await routedTo('APP.Example.Test')).toBe('one');
    expect(await routedTo('app.example.test.')).toBe('one');
    expect(await routedTo('other.example.test')).toBe('two');
    expect(await routedTo('a.b.example.test')).toBe('two');
    expect(await routedTo(null)).toBe('two');
  });

  it('PX-1 each listener has a table of its own, and without default_route no match is refused by RST', async () => {
    expect(await routedTo('app.example.test', SECOND, '127.0.0.2')).toBe('two');
    expect(await fate(proxy.port(SECOND), buildClientHello('other.example.test'), { host: '127.0.0.2' })).toBe('reset');
    expect(await proxy.refusal('no_route')).toMatchObject({ listener: SECOND, sni: 'other.example.test' });
    expect(await fate(proxy.port(SECOND), buildClientHello(null), { host: '127.0.0.2' })).toBe('reset');
    await proxy.refusal('no_sni');
  });

  it('PX-2 relays both ways and passes half-close on', async () => {
    const index = one.connections.length;
    const hello = buildClientHello('app.example.test');
    const client = await dial(proxy.port(PLAIN));
    client.write(hello);
    client.end('then some');
    const backend = await one.connection(index);
    await received(backend, hello.length + 9);
    if (!backend.socket.readableEnded) await once(backend.socket, 'end');
    backend.socket.end('answer after the half-close');
    let answer = '';
    client.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    await once(client, 'end');
    expect(answer).toBe('answer after the half-close');
    expect(Buffer.concat([hello, Buffer.from('then some')])).toEqual(backend.received);
  });

  it.each([
    { how: 'in 23-byte segments', pieces: 23, options: {} },
    { how: 'in 40-byte records', pieces: 100_000, options: { recordSize: 40 } },
    { how: 'in 40-byte records and 23-byte segments', pieces: 23, options: { recordSize: 40 } },
    { how: 'of post-quantum size in 100-byte segments', pieces: 100, options: { keyShareBytes: 1216 } },
  ])('PX-4 a hello $how routes alike and arrives byte for byte', async ({ pieces, options }) => {
    const index = one.connections.length;
    const hello = buildClientHello('app.example.test', ['h2', 'http/1.1'], options);
    const client = await dial(proxy.port(PLAIN));
    await writeInPieces(client, hello, pieces);
    const backend = await one.connection(index);
    expect(await received(backend, hello.length)).toEqual(Buffer.from(hello));
    client.destroy();
  });

  it('PX-6 sends a PROXY v2 header with the client, the SNI and the connection id before any byte', async () => {
    const index = one.connections.length;
    const hello = buildClientHello('proxied.example.test');
    const client = await dial(proxy.port(PLAIN));
    const clientPort = client.localPort;
    client.write(hello);
    const backend = await one.connection(index);
    await received(backend, hello.length + 16);
    const header = readProxyHeader(backend.received);
    if (header.kind !== 'header') throw new Error(`no header: ${header.kind}`);
    await received(backend, hello.length + header.length);
    expect(header).toMatchObject({ version: 2, command: 'PROXY', authority: 'proxied.example.test' });
    expect(header.source).toMatchObject({ port: clientPort });
    expect(header.destination).toMatchObject({ port: proxy.port(PLAIN) });
    expect(backend.received.subarray(header.length)).toEqual(Buffer.from(hello));
    client.end();
    backend.socket.end();
    const id = Buffer.from(header.uniqueId ?? []).toString();
    await proxy.line((line) => line.msg === 'connection' && line['id'] === id);
  });

  it('PX-7 a backend that refuses is passed over before any byte is consumed', async () => {
    for (let round = 0; round < 4; round++) expect(await routedTo('down.example.test')).toBe('one');
  });

  it('PX-14 no backend at all: RST with backend_unreachable', async () => {
    expect(await fate(proxy.port(PLAIN), buildClientHello('dead.example.test'))).toBe('reset');
    expect(await proxy.refusal('backend_unreachable')).toMatchObject({ route: 'dead.example.test' });
  });
});
