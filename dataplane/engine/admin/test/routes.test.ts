import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Origin, RouteMode } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import type { Route } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { makePemDir } from '../../certificates/test/pem-dir.ts';
import { addRoute, codeOf, route } from './messages.ts';
import { startAdmin, twoListeners } from './running-admin.ts';
import type { AdminClient, RunningAdmin } from './running-admin.ts';

let running: RunningAdmin;
let connection: Disposable & { readonly admin: AdminClient };

beforeEach(async () => {
  running = await startAdmin(twoListeners);
  connection = await running.connect();
});

afterEach(async () => {
  connection[Symbol.dispose]();
  await running[Symbol.asyncDispose]();
});

const hostnames = async (listener = ''): Promise<string[]> =>
  (await connection.admin.listRoutes({ listener })).routes.map(({ route: listed }) => listed?.hostname ?? '').sort();

describe('routes over the admin socket', () => {
  it('adds, lists and removes a route, and says whether anything changed', async () => {
    const { admin } = connection;
    const added = await admin.addRoute(addRoute({ hostname: 'App.Example.TEST.', sendProxyProtocol: true }, ':443'));
    const expected = route({
      hostname: 'app.example.test',
      sendProxyProtocol: true,
      backendVerify: 'none',
      backendProtocol: 'auto',
      forwardedHeaders: 'set',
      healthCheck: 'off',
      healthIntervalMs: 5_000,
      healthTimeoutMs: 2_000,
      healthPath: '/',
      healthFall: 3,
      healthRise: 2,
      origin: Origin.API,
    });
    expect(added).toEqual({
      route: { listener: ':443', route: expected },
      changed: true,
      generation: 1,
      warnings: [],
    });
    const again = await admin.addRoute({ listener: ':443', route: added.route?.route });
    expect(again).toMatchObject({ changed: false, generation: 1 });
    expect(await hostnames(':443')).toEqual(['app.example.test', 'file.example.test']);
    expect(await hostnames('127.0.0.1:8443')).toEqual([]);

    expect(await admin.removeRoute({ listener: ':443', hostname: 'APP.example.test', kill: false })).toEqual({
      generation: 2,
    });
    expect(await hostnames()).toEqual(['file.example.test']);
  });

  it('PX-15 answers after the route is in the database and workers have confirmed it', async () => {
    let confirm = (): void => undefined;
    const rowsAtPublish: unknown[] = [];
    const asked = new Promise<void>((arrived) => {
      running.publish = () =>
        new Promise((resolve) => {
          using database = opened(running);
          rowsAtPublish.push(...database.rows());
          confirm = resolve;
          arrived();
        });
    });
    let answered = false;
    const call = connection.admin.addRoute(addRoute({}, ':443')).then((answer) => {
      answered = true;
      return answer;
    });
    await asked;
    // A whole round trip later it would have answered, did it not wait for the workers.
    await connection.admin.listListeners({});
    expect(answered).toBe(false);
    expect(rowsAtPublish).toEqual([{ listener: ':443', hostname: 'app.example.test' }]);
    confirm();
    expect(await call).toMatchObject({ changed: true });
    expect(running.tables.listener(':443')?.routes.size).toBe(2);
  });

  it('PX-15 what was acknowledged survives a restart', async () => {
    await connection.admin.addRoute(addRoute({}, ':443'));
    await connection.admin.addRoute(addRoute({ hostname: '*.example.test' }, '127.0.0.1:8443'));
    connection[Symbol.dispose]();
    await running.restart();
    connection = await running.connect();
    expect(await hostnames()).toEqual(['*.example.test', 'app.example.test', 'file.example.test']);
    expect((await connection.admin.getStatus({})).generation).toBe(2);
  });

  it('says so when workers do not confirm a change that is saved', async () => {
    running.publish = () => Promise.reject(new Error('worker 1 is stuck'));
    expect(await codeOf(connection.admin.addRoute(addRoute({}, ':443')))).toBe('not_confirmed');
  });

  it('takes every change of writers that write at once, each with a generation of its own', async () => {
    using other = await running.connect();
    const add = (admin: AdminClient, index: number) =>
      admin.addRoute(addRoute({ hostname: `h${index}.example.test` }, ':443'));
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => add(index % 2 === 0 ? connection.admin : other.admin, index)),
    );
    expect(answers.map(({ generation }) => generation).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 60 }, (_, index) => index + 1),
    );
    expect(await hostnames(':443')).toHaveLength(61);
    expect(running.tables.listener(':443')?.routes.size).toBe(61);
  });

  it('gives concurrent writers of one route the state of one of them', async () => {
    using other = await running.connect();
    const write = (admin: AdminClient, port: number) =>
      admin.addRoute(addRoute({ backends: [`10.0.0.9:${port}`] }, ':443'));
    await Promise.all([1, 2, 3, 4].map((port) => write(port % 2 === 0 ? connection.admin : other.admin, port)));
    const { routes } = await connection.admin.listRoutes({ listener: ':443' });
    const listed = routes.find(({ route: found }) => found?.hostname === 'app.example.test');
    const served = running.state
      .snapshot()
      .listeners[0]?.routes.find(({ hostname }) => hostname === 'app.example.test');
    expect(listed?.route?.backends).toEqual(served?.backends);
    expect((await connection.admin.getStatus({})).generation).toBe(4);
  });

  it('passes on what works but is not as meant', async () => {
    using pems = await makePemDir();
    const files = await pems.pair('other.example.test');
    const { warnings } = await connection.admin.addRoute(
      addRoute({ mode: RouteMode.L7, ...files, backendServerName: 'a.test' }, ':443'),
    );
    expect(warnings).toEqual([
      expect.stringContaining('backend_server_name has no effect without backend_tls'),
      expect.stringContaining('covers other.example.test, not app.example.test'),
    ]);
  });

  const badRoutes: readonly [string, Partial<Route>, string][] = [
    ['no hostname', { hostname: '' }, 'route_invalid'],
    ['a hostname with a NUL', { hostname: 'a\0b.test' }, 'invalid_argument'],
    ['an endless hostname', { hostname: 'a'.repeat(5000) }, 'invalid_argument'],
    ['an address as hostname', { hostname: '192.0.2.1' }, 'route_invalid'],
    ['a wildcard inside', { hostname: 'a.*.test' }, 'route_invalid'],
    ['no backend', { backends: [] }, 'backend_invalid'],
    ['a backend without port', { backends: ['10.0.0.9'] }, 'backend_invalid'],
    ['a backend on port 0', { backends: ['10.0.0.9:0'] }, 'backend_invalid'],
    ['too many backends', { backends: Array.from({ length: 300 }, (_, i) => `10.0.0.9:${i + 1}`) }, 'invalid_argument'],
    ['no mode', { mode: RouteMode.UNSPECIFIED }, 'route_invalid'],
    ['a mode of a newer contract', { mode: 9 as RouteMode }, 'route_invalid'],
    ['l7 without certificate', { mode: RouteMode.L7 }, 'route_invalid'],
    ['a certificate on l4', { tlsCert: '/a.pem' }, 'route_invalid'],
    ['a relative path', { mode: RouteMode.L7, tlsCert: 'a.pem', tlsKey: '/a.key' }, 'route_invalid'],
    ['a missing file', { mode: RouteMode.L7, tlsCert: '/no/a.pem', tlsKey: '/no/a.key' }, 'certificate_unreadable'],
    ['an unknown backend_verify', { backendVerify: 'maybe' }, 'route_invalid'],
    ['an unknown backend_protocol', { backendProtocol: 'h3' }, 'route_invalid'],
    ['an unknown forwarded_headers', { forwardedHeaders: 'drop' }, 'route_invalid'],
    ['an unknown health_check', { healthCheck: 'icmp' }, 'route_invalid'],
    ['a health_interval that is too short', { healthCheck: 'tcp', healthIntervalMs: 1 }, 'route_invalid'],
    ['a health_timeout beyond the interval', { healthCheck: 'tcp', healthTimeoutMs: 9_000 }, 'route_invalid'],
    ['a health_path that splits the request', { healthPath: '/ HTTP/1.1' }, 'route_invalid'],
    ['a health_fall out of range', { healthFall: 1_000 }, 'route_invalid'],
    ['a policy on l4', { blockUserAgents: ['zgrab'] }, 'route_invalid'],
  ];
  it.each(badRoutes)('refuses a route with %s and changes nothing', async (_, fields, code) => {
    expect(await codeOf(connection.admin.addRoute(addRoute(fields, ':443')))).toBe(code);
    expect(await hostnames()).toEqual(['file.example.test']);
    expect(running.state.generation).toBe(0);
  });

  it('refuses requests without their parts, and listeners that are not there, naming those that are', async () => {
    const { admin } = connection;
    expect(await codeOf(admin.addRoute({ listener: ':443', route: undefined }))).toBe('invalid_argument');
    for (const call of [admin.addRoute(addRoute({}, ':444')), admin.listRoutes({ listener: ':444' })]) {
      await expect(call).rejects.toMatchObject({
        code: 'listener_unknown',
        message: expect.stringContaining(':443, 127.0.0.1:8443'),
        details: { listeners: [':443', '127.0.0.1:8443'] },
      });
    }
    expect(await codeOf(admin.addRoute(addRoute()))).toBe('listener_ambiguous');
    const removal = { listener: ':443', hostname: 'gone.example.test', kill: false };
    expect(await codeOf(admin.removeRoute(removal))).toBe('route_not_found');
    expect(await codeOf(admin.removeRoute({ ...removal, hostname: 'file.example.test' }))).toBe('route_is_configured');
  });

  it('refuses an oversized message and lives on', async () => {
    const huge = addRoute({ blockUserAgents: Array.from({ length: 5 }, () => 'x'.repeat(1024 * 1024)) }, ':443');
    expect(await codeOf(connection.admin.addRoute(huge))).toBe('too_large');
    expect(await hostnames()).toEqual(['file.example.test']);
  });
});

function opened({ dir }: RunningAdmin): Disposable & { rows(): unknown[] } {
  const database = new Database(`${dir}/mc-proxy.db`, { readonly: true });
  return {
    rows: () => database.prepare('SELECT listener, hostname FROM routes').all(),
    [Symbol.dispose]: () => void database.close(),
  };
}
