import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { SystemError } from '../../../../mcdsl/errors/index.ts';
import { proxyErrors } from '../../errors.ts';
import {
  AddPolicyRequest,
  AddRouteRequest,
  ExplainRequest,
  FirewallRule,
  Route,
} from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import type { RouteMode } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { routeFrom, routeTo } from '../model.ts';
import { parseRoute } from '../../config/index.ts';
import { startAdmin } from './running-admin.ts';
import type { AdminClient, RunningAdmin } from './running-admin.ts';

let running: RunningAdmin;
let connection: Disposable & { readonly admin: AdminClient };

beforeAll(async () => {
  running = await startAdmin();
  connection = await running.connect();
});

afterAll(async () => {
  connection[Symbol.dispose]();
  await running[Symbol.asyncDispose]();
});

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', ':443', 'a.example.test', '*.example.test', '192.0.2.1', '192.0.2.0/24', '/a.pem', 'DE', 'ca'),
);
const texts = fc.array(text, { maxLength: 4 });
const number = fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }));

const route: fc.Arbitrary<Route> = fc
  .record({
    hostname: text,
    backends: texts,
    mode: number as fc.Arbitrary<RouteMode>,
    sendProxyProtocol: fc.boolean(),
    tlsCert: text,
    tlsKey: text,
    backendTls: fc.boolean(),
    backendVerify: text,
    backendCa: text,
    backendServerName: text,
    backendProtocol: text,
    clientCa: text,
    forwardedHeaders: text,
    blockUserAgents: texts,
    requireHeaders: texts,
  })
  .map((fields) => Route.fromPartial(fields));

/** Whatever is asked, the answer is an answer or an error of the closed table, and never a failure of the server. */
async function isAnswered(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    expect(error).toBeInstanceOf(SystemError);
    const { code } = error as SystemError;
    expect(code).not.toBe('internal');
    expect(Object.keys(proxyErrors.rows)).toContain(code);
  }
}

it('answers any message with an answer or an error of the table', async () => {
  const { admin } = connection;
  const word = fc.record({ listener: text, hostname: text, kind: number, value: text });
  const question = fc.record({
    ip: text,
    sni: fc.option(text),
    userAgent: fc.option(text),
    listener: text,
    alpn: texts,
  });
  await fc.assert(
    fc.asyncProperty(route, word, question, async (anyRoute, words, asked) => {
      await isAnswered(admin.addRoute(AddRouteRequest.fromPartial({ listener: words.listener, route: anyRoute })));
      await isAnswered(admin.addFirewallRule({ rule: FirewallRule.fromPartial(words as Partial<FirewallRule>) }));
      await isAnswered(admin.addPolicy(AddPolicyRequest.fromPartial({ policy: words as object })));
      await isAnswered(admin.listPolicies(words));
      await isAnswered(admin.removeRoute({ ...words, kill: true }));
      await isAnswered(admin.listConnections({ ...words, ip: asked.ip, limit: Math.abs(words.kind) }));
      await isAnswered(admin.killConnection({ id: words.value }));
      const { sni, userAgent, ...rest } = asked;
      await isAnswered(
        admin.explain(
          ExplainRequest.fromPartial({ ...rest, sni: sni ?? undefined, userAgent: userAgent ?? undefined }),
        ),
      );
    }),
    { numRuns: 150 },
  );
  expect(running.log.filter(({ level }) => level === 'error')).toEqual([]);
});

it('a route that is accepted comes back as a message that means the same route', () => {
  let accepted = 0;
  fc.assert(
    fc.property(
      fc.constantFrom('a.example.test', '*.Example.test.'),
      fc.array(fc.constantFrom('10.0.0.1:1', '[fd00::1]:65535', 'b.test:443'), { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      fc.constantFrom('', 'set', 'append'),
      fc.constantFrom(1, 2),
      (hostname, backends, flag, forwardedHeaders, mode) => {
        const files = mode === 2 ? { tlsCert: '/a.pem', tlsKey: '/a.key', backendTls: flag } : {};
        const fields = { hostname, backends, mode: mode as RouteMode, sendProxyProtocol: flag, forwardedHeaders };
        const first = parseRoute(routeFrom(Route.fromPartial({ ...fields, ...files })));
        if (first.kind === 'invalid') return;
        accepted++;
        const view = { listener: ':443', spec: first.spec, origin: 'api', shadowsConfig: false } as const;
        const second = parseRoute(routeFrom(routeTo(view).route));
        expect(second).toEqual({ ...first, warnings: first.warnings });
      },
    ),
  );
  expect(accepted).toBeGreaterThan(20);
});

const changes = `[[listeners]]
addr = ":443"
[[listeners.routes]]
hostname = "a.example.test"
backends = ["10.0.0.1:1", "b.test:2"]
mode = "l4"
origin = "api"
[listeners.routes.policies]
block_user_agents = []
[[listeners.policies]]
hostname = "a.example.test"
require_headers = ["x-a"]
dormant = true
[firewall]
blocked_ips = ["192.0.2.1"]
blocked_countries = ["DE"]
rate_limit = 5
rate_window = "10s"
`;

/** The text with a piece of it replaced by something else. */
const damaged = fc
  .record({
    at: fc.nat(changes.length),
    length: fc.oneof(fc.constant(0), fc.nat(40)),
    piece: fc.oneof(
      text,
      fc.constantFrom('[[listeners]]\n', 'addr = ":443"\n', '"', '\n', ' = ', '{ a = 1 }', '1e9', '[', '\u0000'),
    ),
  })
  .map(({ at, length, piece }) => changes.slice(0, at) + piece + changes.slice(at + length));

const set = fc.oneof({ weight: 3, arbitrary: damaged }, { weight: 1, arbitrary: fc.constantFrom(changes, '') }, text);
const name = fc.oneof({ weight: 5, arbitrary: fc.constant('changes.toml') }, text);
const within = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(0, 60_000) }, number);

it('PX-18 takes a change set whole or refuses it whole, whatever its text', async () => {
  await using own = await startAdmin();
  using client = await own.connect();
  const { admin } = client;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(set, name, fc.boolean(), within, async (toml, file, dryRun, withinMs) => {
      const before = (await admin.export({})).toml;
      const confirmWithinMs = Math.abs(withinMs);
      const answer = await admin.apply({ toml, file, dryRun, confirmWithinMs }).catch((error: unknown) => {
        if (!(error instanceof SystemError)) throw error;
        expect(['changes_invalid', 'invalid_argument']).toContain(error.code);
        return null;
      });
      const after = (await admin.export({})).toml;
      if (!answer?.changed) expect(after).toBe(before);
      if (!answer) refused++;
      expect(await admin.apply({ toml: after, file: '', dryRun: true, confirmWithinMs: 0 })).toMatchObject({
        total: 0,
      });
      if (answer?.revertAt) await admin.confirm({});
    }),
    { numRuns: 300 },
  );
  expect(refused).toBeGreaterThan(50);
  expect(refused).toBeLessThan(270);
  expect(own.log.filter(({ level }) => level === 'error')).toEqual([]);
});
