import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildClientHello } from '../../proxy/client-hello/test/build-client-hello.ts';
import { reload, scrape, until } from './proxy-control.ts';
import { startMcProxy, type RunningProxy } from './running-proxy.ts';
import { dial, fate, startTcpBackend, type TcpBackend } from './tcp-peers.ts';

const LISTENER = '127.0.0.1:0';
const HOST = 'app.example.test';

describe('the access log of a running mc-proxy', () => {
  let backend: TcpBackend;
  let proxy: RunningProxy;
  let ended = 0;

  const config = (accessLog: string): string => `
[access_log]
${accessLog}
[[listeners]]
addr = "${LISTENER}"
[[listeners.routes]]
hostname = "${HOST}"
backend = "${backend.address}"
mode = "l4"
`;
  const logged = (): number => proxy.lines.filter(({ msg }) => msg === 'connection').length;

  /** L4 connections that ended, in whatever way. */
  const relays = (samples: ReadonlyMap<string, number>): number =>
    [...samples].reduce((sum, [name, value]) => (name.startsWith('mc_proxy_relays_total') ? sum + value : sum), 0);

  beforeAll(async () => {
    backend = await startTcpBackend((socket) => void socket.end('bye'));
    proxy = await startMcProxy(() => config('sample = 0'));
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await backend[Symbol.asyncDispose]();
  });

  /** Lets so many connections come and go, then has one refused: its line comes after all of theirs. */
  async function connections(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const client = await dial(proxy.port(LISTENER));
      client.end(buildClientHello(HOST));
      client.resume();
      await once(client, 'close');
    }
    ended += count;
    await until(
      () => scrape(proxy),
      (samples) => relays(samples) === ended,
    );
    expect(await fate(proxy.port(LISTENER), buildClientHello('other.test'))).toBe('reset');
    expect(await proxy.refusal('no_route')).toMatchObject({ sni: 'other.test', listener: LISTENER });
  }

  it('PX-23 sample = 0 logs no connection, and every refusal all the same', async () => {
    await connections(8);
    expect(logged()).toBe(0);
  });

  it('PX-23 a sample between logs some, from the reload on', async () => {
    expect((await reload(proxy, config('sample = 0.5'))).msg).toBe('configuration reloaded');
    await connections(40);
    expect(logged()).toBeGreaterThan(0);
    expect(logged()).toBeLessThan(40);
  });

  it('PX-23 sample = 1 logs each, and enabled = false none but the refusals', async () => {
    await reload(proxy, config('sample = 1.0'));
    const before = logged();
    await connections(8);
    expect(logged()).toBe(before + 8);
    await reload(proxy, config('enabled = false'));
    await connections(8);
    expect(logged()).toBe(before + 8);
  });
});
