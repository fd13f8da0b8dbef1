import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildClientHello } from '../../proxy/client-hello/test/build-client-hello.ts';
import { ctlJson, reload } from './proxy-control.ts';
import { makeTempDir, startMcProxy, type RunningProxy } from './running-proxy.ts';
import { dial, fate, received, startTcpBackend, type TcpBackend } from './tcp-peers.ts';

const MAIN = '127.0.0.1:0';
const OTHER = '127.0.0.2:0';

interface Routes {
  /** Host name → backend. */
  readonly [hostname: string]: TcpBackend;
}

const listener = (addr: string, routes: Routes): string =>
  Object.entries(routes).reduce(
    (toml, [hostname, { address }]) =>
      `${toml}[[listeners.routes]]\nhostname = "${hostname}"\nbackend = "${address}"\nmode = "l4"\n`,
    `[[listeners]]\naddr = "${addr}"\n`,
  );

describe('SIGHUP with a changed configuration', { timeout: 90_000 }, () => {
  let dir: string;
  let one: TcpBackend;
  let two: TcpBackend;

  beforeEach(async () => {
    dir = makeTempDir();
    one = await startTcpBackend((socket) => socket.end('one'));
    two = await startTcpBackend((socket) => socket.end('two'));
  });
  afterEach(async () => {
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  const start = (toml: string): Promise<RunningProxy> => startMcProxy(() => toml, { dir });
  const asks = async (proxy: RunningProxy, sni: string, addr = MAIN): Promise<string> =>
    String(await fate(proxy.port(addr), buildClientHello(sni), { host: addr.slice(0, addr.indexOf(':')) }));
  const add = (proxy: RunningProxy, hostname: string, { address }: TcpBackend): Promise<unknown> =>
    ctlJson(proxy, 'routes', 'add', '--hostname', hostname, '--backend', address, '--mode', 'l4');
  const origins = async (proxy: RunningProxy): Promise<Record<string, string>> => {
    const routes = (await ctlJson(proxy, 'routes', 'list')) as { hostname: string; origin: string }[];
    return Object.fromEntries(routes.map(({ hostname, origin }) => [hostname, origin]));
  };
  const warnings = async (proxy: RunningProxy): Promise<string[]> =>
    ((await ctlJson(proxy, 'status')) as { warnings: string[] }).warnings;
  const DONE = { msg: 'configuration reloaded' };

  it("PX-16 adds, changes and removes the file's routes and leaves those of the API", async () => {
    await using proxy = await start(listener(MAIN, { 'stays.test': one, 'changes.test': one, 'goes.test': one }));
    await add(proxy, 'api.test', two);
    expect(
      await reload(proxy, listener(MAIN, { 'stays.test': one, 'changes.test': two, 'new.test': two })),
    ).toMatchObject(DONE);
    expect(await asks(proxy, 'stays.test')).toBe('one');
    expect(await asks(proxy, 'changes.test')).toBe('two');
    expect(await asks(proxy, 'new.test')).toBe('two');
    expect(await asks(proxy, 'api.test')).toBe('two');
    expect(await asks(proxy, 'goes.test')).toBe('reset');
    expect(await proxy.refusal('no_route')).toMatchObject({ sni: 'goes.test' });
    expect(await origins(proxy)).toEqual({
      'stays.test': 'config',
      'changes.test': 'config',
      'new.test': 'config',
      'api.test': 'api',
    });
  });

  it("PX-16 one host name in both: the API's route wins, status shows it, and its removal brings the file's back", async () => {
    await using proxy = await start(listener(MAIN, { 'app.test': one }));
    await add(proxy, 'app.test', two);
    const change = { msg: 'change', kind: 'route', listener: MAIN, route: 'app.test', detail: 'added by the API' };
    expect(await proxy.line(({ msg }) => msg === 'change')).toMatchObject(change);
    expect(await asks(proxy, 'app.test')).toBe('two');
    expect(await reload(proxy)).toMatchObject(DONE);
    expect(await asks(proxy, 'app.test')).toBe('two');
    expect(await warnings(proxy)).toEqual([
      expect.stringMatching(
        /^route app\.test on .*the one of the API is served, not the one at .*mc-proxy\.toml:\d+:\d+$/,
      ),
    ]);
    expect((await proxy.ctl('routes', 'list')).stdout).toMatch(/app\.test .* api over config/);

    await ctlJson(proxy, 'routes', 'remove', '--hostname', 'app.test');
    expect(await asks(proxy, 'app.test')).toBe('one');
    expect(await warnings(proxy)).toEqual([]);
    expect(await origins(proxy)).toEqual({ 'app.test': 'config' });
  });

  it('PX-16 a conflict that a reload brings is shown too, also after a restart', async () => {
    const toml = listener(MAIN, { 'app.test': one });
    {
      await using proxy = await start(listener(MAIN, {}));
      await add(proxy, 'app.test', two);
      expect(await reload(proxy, toml)).toMatchObject(DONE);
      expect(await asks(proxy, 'app.test')).toBe('two');
      expect(await warnings(proxy)).toHaveLength(1);
    }
    await using again = await start(toml);
    expect(await asks(again, 'app.test')).toBe('two');
    expect(again.lines.find(({ msg }) => msg.includes('the one of the API is served'))).toMatchObject({
      level: 'warn',
    });
  });

  it('PX-16 a route of the file is not removed by the API, which says where it stands', async () => {
    await using proxy = await start(listener(MAIN, { 'app.test': one }));
    expect(await proxy.ctl('routes', 'remove', '--hostname', 'app.test')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /comes from the configuration file; remove it at .*mc-proxy\.toml:\d+:\d+/,
      ) as string,
    });
    expect(await asks(proxy, 'app.test')).toBe('one');
  });

  it('PX-17 an open connection outlives every change but those of its route, and a refused file changes nothing', async () => {
    await using echo = await startTcpBackend();
    await using proxy = await start(listener(MAIN, { 'echo.test': echo, 'app.test': one }));
    const client = await dial(proxy.port(MAIN));
    const hello = buildClientHello('echo.test');
    client.write(hello);
    const connection = await echo.connection(0);
    let length = (await received(connection, hello.length)).length;
    const alive = async (): Promise<void> => {
      client.write('ping');
      expect((await received(connection, (length += 4))).toString('latin1')).toMatch(/ping$/);
      connection.socket.write('pong');
      await receives(client, 'pong');
    };
    await alive();

    expect(await reload(proxy, listener(MAIN, { 'echo.test': echo, 'app.test': two }))).toMatchObject(DONE);
    expect(await asks(proxy, 'app.test')).toBe('two');
    await alive();

    const { msg, reason } = await reload(
      proxy,
      `${listener(MAIN, { 'app.test': one })}[firewal]\nblocked_ips = ["1"]\n`,
    );
    expect({ msg, reason }).toEqual({
      msg: 'reload failed, the old configuration stays',
      reason: expect.stringMatching(/mc-proxy\.toml:\d+:2: error: unknown section or key "firewal"/) as string,
    });
    expect(await asks(proxy, 'app.test')).toBe('two');
    await alive();

    await add(proxy, 'api.test', one);
    await ctlJson(proxy, 'routes', 'remove', '--hostname', 'api.test', '--kill');
    await ctlJson(proxy, 'firewall', 'block', '--cidr', '198.51.100.0/24');
    await alive();

    expect(await reload(proxy, listener(MAIN, {}))).toMatchObject(DONE);
    expect(await asks(proxy, 'echo.test')).toBe('reset');
    await alive();
    client.destroy();
  });

  it('PX-16 a listener is opened and closed, and its open connections end by themselves', async () => {
    await using echo = await startTcpBackend();
    await using proxy = await start(listener(MAIN, { 'app.test': one }));
    const both = listener(MAIN, { 'app.test': one }) + listener(OTHER, { 'app.test': two, 'echo.test': echo });
    expect(await reload(proxy, both)).toMatchObject(DONE);
    expect(await asks(proxy, 'app.test')).toBe('one');
    expect(await asks(proxy, 'app.test', OTHER)).toBe('two');

    const client = await dial(proxy.port(OTHER), { host: '127.0.0.2' });
    const hello = buildClientHello('echo.test');
    client.write(hello);
    const connection = await echo.connection(0);
    await received(connection, hello.length);
    expect(await reload(proxy, listener(MAIN, { 'app.test': one }))).toMatchObject(DONE);
    await expect(dial(proxy.port(OTHER), { host: '127.0.0.2' })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    connection.socket.write('still here');
    await receives(client, 'still here');
    client.end();
    expect(await asks(proxy, 'app.test')).toBe('one');
  });

  it('PX-16 a listener that cannot be bound leaves the old configuration in force', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.2', resolve));
    const { port } = taken.address() as AddressInfo;
    await using proxy = await start(listener(MAIN, { 'app.test': one }));
    const next = listener(MAIN, { 'app.test': two }) + listener(`127.0.0.2:${port}`, { 'app.test': two });
    expect(await reload(proxy, next)).toMatchObject({
      msg: 'reload failed, the old configuration stays',
      err: { message: expect.stringContaining('another program holds this address') as string },
    });
    expect(await asks(proxy, 'app.test')).toBe('one');
    expect(((await ctlJson(proxy, 'listeners')) as { addr: string }[]).map(({ addr }) => addr)).toEqual([MAIN]);
    await new Promise((resolve) => taken.close(resolve));
    expect(await reload(proxy)).toMatchObject(DONE);
    expect(await asks(proxy, 'app.test')).toBe('two');
  });

  it('PX-16 reloads that fail, however often, use nothing up', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.2', resolve));
    const { port } = taken.address() as AddressInfo;
    await using proxy = await start(listener(MAIN, { 'app.test': one }));
    const bad = listener(`127.0.0.2:${port}`, { 'app.test': two });
    for (let round = 0; round < 70; round++) {
      expect((await reload(proxy, bad)).msg).toBe('reload failed, the old configuration stays');
    }
    expect(await asks(proxy, 'app.test')).toBe('one');
    expect(await reload(proxy, listener(MAIN, { 'app.test': two }))).toMatchObject(DONE);
    expect(await asks(proxy, 'app.test')).toBe('two');
    await new Promise((resolve) => taken.close(resolve));
  });
});

async function receives(socket: Socket, text: string): Promise<void> {
  let all = '';
  while (!all.includes(text)) {
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    all += bytes.toString();
  }
}
