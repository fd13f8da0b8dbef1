import { rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { connectUnix } from '../../../mcdsl/grpc/index.ts';
import {
  FirewallRuleKind,
  Origin,
  ProxyAdminService,
  Route,
  RouteMode,
} from '../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { buildClientHello } from '../../proxy/client-hello/test/build-client-hello.ts';
import { makeTempDir, startMcProxy } from './running-proxy.ts';
import { dial, received, startTcpBackend } from './tcp-peers.ts';

const ADDR = '127.0.0.1:0';

describe('kill -9', () => {
  const dir = makeTempDir();
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const start = (backend: string) =>
    startMcProxy(
      () => `
[[listeners]]
addr = "${ADDR}"
[[listeners.routes]]
hostname = "file.example.test"
backend = "${backend}"
mode = "l4"
`,
      { dir, workers: 1 },
    );

  it('PX-15 during a stream of admin writes: every acknowledged change is there after the restart, and no half change', async () => {
    await using backend = await startTcpBackend();
    const acknowledged: number[] = [];
    let asked = 0;
    for (let life = 0; life < 3; life++) {
      await using proxy = await start(backend.address);
      using connection = await connectUnix(proxy.socket);
      const admin = connection.client(ProxyAdminService);
      const target = acknowledged.length + 40;
      const reached = Promise.withResolvers<void>();

      /** One change of three rows that belong together: a route with its policies as one spec, and a rule of the same number. */
      const write = async (): Promise<void> => {
        for (;;) {
          const number = asked++;
          await admin.addRoute({
            listener: ADDR,
            route: Route.fromPartial({
              hostname: `r${number}.example.test`,
              backends: [backend.address, `127.0.0.1:${20_000 + number}`],
              mode: RouteMode.L4,
            }),
          });
          await admin.addFirewallRule({
            rule: {
              kind: FirewallRuleKind.BLOCKED_IP,
              value: `198.18.${number >> 8}.${number & 255}`,
              origin: Origin.API,
            },
          });
          acknowledged.push(number);
          if (acknowledged.length >= target) reached.resolve();
        }
      };
      let killed = false;
      const writers = [1, 2, 3, 4].map(() =>
        write().catch((error: unknown) => (killed ? 'killed' : reached.reject(error as Error))),
      );
      await reached.promise;
      killed = true;
      proxy.signal('SIGKILL');
      await proxy.ended;
      expect(await Promise.all(writers)).toEqual(Array(4).fill('killed'));
    }

    await using proxy = await start(backend.address);
    using connection = await connectUnix(proxy.socket);
    const admin = connection.client(ProxyAdminService);
    const { routes } = await admin.listRoutes({ listener: '' });
    const { rules } = await admin.getFirewall({});
    const served = new Map(routes.map(({ route }) => [route?.hostname, route]));
    const blocked = new Set(rules.map(({ value }) => value));
    expect(acknowledged.length).toBeGreaterThanOrEqual(120);
    for (const number of acknowledged) {
      expect(served.get(`r${number}.example.test`)?.backends).toEqual([
        backend.address,
        `127.0.0.1:${20_000 + number}`,
      ]);
      expect(blocked).toContain(`198.18.${number >> 8}.${number & 255}`);
    }
    // What was under way may or may not be there, but whole.
    for (const route of served.values()) if (route?.origin === Origin.API) expect(route.backends).toHaveLength(2);
    expect(served.has('file.example.test')).toBe(true);
    expect(proxy.lines.filter((line) => line.msg.includes('damaged'))).toEqual([]);

    // And it is served, not only listed.
    const hello = buildClientHello(`r${acknowledged[0]}.example.test`);
    const client = await dial(proxy.port(ADDR));
    client.write(hello);
    expect(await received(await backend.connection(0), hello.length)).toEqual(Buffer.from(hello));
    client.destroy();
  });
});
