import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import { afterAll, describe, expect, it } from 'vitest';
import { connectUnix, type ServiceClient } from '../../../mcdsl/grpc/index.ts';
import { ProxyAdminService } from '../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { buildClientHello } from '../../proxy/client-hello/test/build-client-hello.ts';
import { ctlJson } from './proxy-control.ts';
import { makeTempDir, startMcProxy, type RunningProxy } from './running-proxy.ts';
import { dial, fate, received, startTcpBackend, type TcpBackend } from './tcp-peers.ts';

const ADDR = '127.0.0.1:0';
const HOUR_MS = 3_600_000;
const ROUTES = 20;

type Admin = ServiceClient<typeof ProxyAdminService>;

/** Everything of a set says its number, so that a mixture of two shows. */
function changeSet(number: number): string {
  const routes = Array.from(
    { length: ROUTES },
    (_, index) => `[[listeners.routes]]
hostname = "r${index}-of-${number}.example.test"
backend = "127.0.0.1:${1_000 + number}"
mode = "l4"
`,
  );
  return `[[listeners]]
addr = "${ADDR}"
${routes.join('')}[[listeners.routes]]
hostname = "shared.example.test"
backend = "127.0.0.1:${1_000 + number}"
mode = "l4"
[firewall]
blocked_ips = ["198.18.${number >> 8}.${number & 255}"]
rate_limit = ${number}
`;
}

/** The numbers that what is served belongs to. */
async function numbersOf(admin: Admin): Promise<number[]> {
  const { routes } = await admin.listRoutes({ listener: '' });
  const { rules, rateLimit } = await admin.getFirewall({});
  expect(routes).toHaveLength(ROUTES + 1);
  expect(rules).toHaveLength(1);
  return [
    ...routes.map(({ route }) => Number(route?.backends[0]?.split(':')[1]) - 1_000),
    ...routes.flatMap(({ route }) => /-of-(\d+)/.exec(route?.hostname ?? '')?.[1] ?? []).map(Number),
    ...rules.map(({ value }) => Number(value.split('.')[2]) * 256 + Number(value.split('.')[3])),
    rateLimit?.limit ?? 0,
  ];
}

describe('change sets and kill -9', () => {
  const dir = makeTempDir();
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const start = (): Promise<RunningProxy> =>
    startMcProxy(() => `[[listeners]]\naddr = "${ADDR}"\n`, { dir, workers: 1 });

  it('PX-18 killed at any point of apply and confirm: the state is one set whole, confirmed or still waiting', async () => {
    // What was asked for last, and whether the answer came.
    let asked = 0;
    let applied = 0;
    let confirmAsked = 0;
    let confirmed = 0;

    async function verify(admin: Admin): Promise<void> {
      const numbers = await numbersOf(admin);
      const [number = 0] = numbers;
      expect(new Set(numbers)).toEqual(new Set([number]));
      expect([applied, asked]).toContain(number);
      const { unconfirmed } = await admin.getStatus({});
      if (number === confirmed) expect(unconfirmed).toBeUndefined();
      if (number > confirmAsked) expect(unconfirmed).toMatchObject({ generation: expect.any(Number) as number });
      if (unconfirmed) await admin.confirm({});
      applied = number;
      confirmAsked = number;
      confirmed = number;
    }

    for (let life = 0; life < 4; life++) {
      await using proxy = await start();
      using connection = await connectUnix(proxy.socket);
      const admin = connection.client(ProxyAdminService);
      if (life > 0) await verify(admin);
      const warm = Promise.withResolvers<void>();
      const target = applied + 10;

      const work = async (): Promise<void> => {
        asked = applied;
        for (;;) {
          asked++;
          await admin.apply({ toml: changeSet(asked), file: '', dryRun: false, confirmWithinMs: HOUR_MS });
          applied = asked;
          confirmAsked = applied;
          await admin.confirm({});
          confirmed = applied;
          if (applied >= target) warm.resolve();
        }
      };
      let killed = false;
      const worker = work().catch((error: unknown) => (killed ? 'killed' : warm.reject(error as Error)));
      await warm.promise;
      // Anywhere in the few milliseconds that a round takes.
      await delay(Math.random() * 20);
      killed = true;
      proxy.signal('SIGKILL');
      await proxy.ended;
      expect(await worker).toBe('killed');
    }
    await using proxy = await start();
    using connection = await connectUnix(proxy.socket);
    await verify(connection.client(ProxyAdminService));
    expect(applied).toBeGreaterThanOrEqual(40);
    expect(proxy.lines.filter((line) => line.msg.includes('damaged'))).toEqual([]);
  }, 60_000);
});

describe('an unconfirmed change of a running mc-proxy', () => {
  const route = (hostname: string, backend: string): string =>
    `[[listeners.routes]]\nhostname = "${hostname}"\nbackend = "${backend}"\nmode = "l4"\n`;
  const config = (): string => `[[listeners]]\naddr = "${ADDR}"\n`;

  async function withRoutes(proxy: RunningProxy, backend: TcpBackend, ...hostnames: string[]): Promise<string> {
    const file = join(proxy.dir, 'changes.toml');
    writeFileSync(file, config() + hostnames.map((hostname) => route(hostname, backend.address)).join(''));
    return file;
  }

  async function relays(proxy: RunningProxy, backend: TcpBackend, sni: string): Promise<void> {
    const index = backend.connections.length;
    const hello = buildClientHello(sni);
    const client = await dial(proxy.port(ADDR));
    client.write(hello);
    await received(await backend.connection(index), hello.length);
    client.destroy();
  }

  const taken = (proxy: RunningProxy) =>
    proxy.line(({ msg, detail }) => msg === 'change' && String(detail).includes('is taken back'));

  it('PX-18 carries traffic on every worker, and is taken back at its time; other connections notice neither', async () => {
    await using backend = await startTcpBackend();
    await using proxy = await startMcProxy(config);
    expect(await proxy.ctl('apply', await withRoutes(proxy, backend, 'old.test', 'kept.test'))).toMatchObject({
      code: 0,
    });
    const hello = buildClientHello('kept.test');
    const witness = await dial(proxy.port(ADDR));
    witness.write(hello);
    const other = await backend.connection(0);
    await received(other, hello.length);

    const file = await withRoutes(proxy, backend, 'new.test', 'kept.test');
    expect(await proxy.ctl('apply', file, '--confirm-within', '1h')).toMatchObject({ code: 0, stderr: '' });
    for (let i = 0; i < 8; i++) await relays(proxy, backend, 'new.test');
    expect(await fate(proxy.port(ADDR), buildClientHello('old.test'))).toBe('reset');
    expect(await proxy.ctl('confirm')).toMatchObject({ code: 0, stderr: '' });

    const next = await withRoutes(proxy, backend, 'newer.test', 'kept.test');
    expect(await proxy.ctl('apply', next, '--confirm-within', '1s')).toMatchObject({ code: 0, stderr: '' });
    await taken(proxy);
    const late = await proxy.ctl('confirm');
    expect(late).toMatchObject({ code: 1, stderr: expect.stringContaining('(nothing_to_confirm)') as string });
    expect(await fate(proxy.port(ADDR), buildClientHello('newer.test'))).toBe('reset');
    for (let i = 0; i < 8; i++) await relays(proxy, backend, 'new.test');

    other.socket.write('still here');
    const [bytes] = (await once(witness, 'data')) as [Buffer];
    expect(bytes.toString()).toBe('still here');
    witness.destroy();
  });

  it('PX-18 waits on over kill -9, and is taken back before a start whose time is after it is ready', async () => {
    const dir = makeTempDir();
    await using backend = await startTcpBackend();
    try {
      {
        await using proxy = await startMcProxy(config, { dir });
        await proxy.ctl('apply', await withRoutes(proxy, backend, 'old.test'));
        const file = await withRoutes(proxy, backend, 'new.test');
        expect(await proxy.ctl('apply', file, '--confirm-within', '1h')).toMatchObject({ code: 0 });
      }
      {
        await using proxy = await startMcProxy(config, { dir });
        await relays(proxy, backend, 'new.test');
        expect(await ctlJson(proxy, 'status')).toMatchObject({ unconfirmed: { generation: 2 } });
      }
      // The hour passes while nobody runs.
      const database = new Sqlite(join(dir, 'mc-proxy.db'));
      database.prepare('UPDATE pending_revert SET deadline = ?').run(Date.now());
      database.close();
      await using proxy = await startMcProxy(config, { dir });
      const line = await taken(proxy);
      const ready = proxy.lines.findIndex(({ msg }) => msg === 'ready');
      expect(proxy.lines.indexOf(line)).toBeLessThan(proxy.lines.findIndex(({ msg }) => msg === 'listening'));
      expect(proxy.lines.indexOf(line)).toBeLessThan(ready);
      await relays(proxy, backend, 'old.test');
      expect(await fate(proxy.port(ADDR), buildClientHello('new.test'))).toBe('reset');
      expect(await ctlJson(proxy, 'status')).toMatchObject({ unconfirmed: null });
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
