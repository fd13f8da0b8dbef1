import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { proxyErrors, type ProxyErrorCode } from '../errors.ts';
import { configuredFrom, makeHarness, TWO_LISTENERS, type Harness } from './test/harness.ts';

const APP = { hostname: 'app.example.test', backends: ['10.0.0.9:443'], mode: 'l4' };
const FILE = 'file.example.test';

let harness: Harness;
beforeEach(() => {
  harness = makeHarness();
});
afterEach(async () => {
  expect(harness.inSync().worker).toEqual(harness.inSync().fresh);
  await harness[Symbol.asyncDispose]();
});

async function refusal(change: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error: unknown = await change.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!proxyErrors.is(error)) throw new Error('a refusal of the closed table was expected', { cause: error });
  return error;
}

async function expectRefusal(change: Promise<unknown>, code: ProxyErrorCode, text: string | RegExp): Promise<void> {
  const { generation } = harness.state;
  const before = harness.inSync().fresh;
  const error = await refusal(change);
  expect(error.code).toBe(code);
  expect(error.message).toMatch(text);
  expect(harness.state.generation).toBe(generation);
  expect(harness.inSync().fresh).toEqual(before);
}

const hostnames = (listener: string): string[] => harness.state.routes(listener).map((route) => route.spec.hostname);

describe('routes', () => {
  it('PX-15 an added route is published once, answered with its view, and there after a restart', async () => {
    const answer = await harness.state.addRoute(':443', { ...APP, hostname: 'APP.Example.test.' });
    expect(answer).toMatchObject({
      changed: true,
      generation: 1,
      warnings: [],
      route: { listener: ':443', origin: 'api', shadowsConfig: false, spec: { hostname: 'app.example.test' } },
    });
    expect(harness.published).toMatchObject([
      [{ kind: 'route_put', listener: ':443', route: { origin: 'api', mode: 'l4' } }],
    ]);
    expect(harness.events).toMatchObject([{ kind: 'route', listener: ':443', route: 'app.example.test' }]);
    await harness.restart();
    expect(harness.state.generation).toBe(1);
    expect(hostnames(':443').sort()).toEqual(['app.example.test', FILE]);
    expect(harness.published).toHaveLength(1);
  });

  it('PX-15 adding the same route again changes nothing; another spec replaces it', async () => {
    await harness.state.addRoute(':443', APP);
    expect(await harness.state.addRoute(':443', APP)).toMatchObject({ changed: false, generation: 1 });
    expect(harness.published).toHaveLength(1);
    const replaced = await harness.state.addRoute(':443', { ...APP, backends: ['10.0.0.10:443'] });
    expect(replaced).toMatchObject({ changed: true, generation: 2, route: { spec: { backends: ['10.0.0.10:443'] } } });
    await harness.restart();
    expect(harness.state.routes(':443')).toHaveLength(2);
  });

  it('PX-15 a removed route is gone after a restart too', async () => {
    await harness.state.addRoute(':8443', APP);
    expect(await harness.state.removeRoute(':8443', 'APP.example.test', { kill: true })).toEqual({ generation: 2 });
    expect(harness.published[1]).toEqual([
      { kind: 'route_remove', listener: ':8443', hostname: 'app.example.test', kill: true },
    ]);
    await harness.restart();
    expect(hostnames(':8443')).toEqual([]);
  });

  it('PX-16 a route of the API wins over one of the file, status shows it, and its removal brings the other back', async () => {
    await harness.state.addRoute(':443', { ...APP, hostname: FILE });
    expect(harness.state.routes(':443')).toMatchObject([
      { origin: 'api', shadowsConfig: true, spec: { backends: ['10.0.0.9:443'] } },
    ]);
    const warning = `route ${FILE} on :443: the one of the API is served, not the one at mc-proxy.toml:4:1`;
    expect(harness.state.warnings()).toEqual([warning]);
    await harness.restart();
    expect(harness.state.routes(':443')).toMatchObject([{ origin: 'api', shadowsConfig: true }]);
    await harness.state.removeRoute(':443', FILE, { kill: true });
    expect(harness.state.routes(':443')).toMatchObject([{ origin: 'config', spec: { backends: ['10.0.0.7:8443'] } }]);
    expect(harness.published.at(-1)).toMatchObject([{ kind: 'route_remove', kill: true }, { kind: 'route_put' }]);
    expect(harness.state.warnings()).toEqual([]);
  });

  it('PX-16 routes of the file follow the file at start and reload, those of the API stay', async () => {
    await harness.state.addRoute(':443', APP);
    await harness.restart(TWO_LISTENERS.replace(FILE, 'moved.example.test'));
    expect(hostnames(':443').sort()).toEqual(['app.example.test', 'moved.example.test']);
    await harness.state.reload(configuredFrom(TWO_LISTENERS));
    expect(hostnames(':443').sort()).toEqual(['app.example.test', FILE]);
  });

  it('names the place of a route of the file that somebody wants to remove through the API', async () => {
    const { state } = harness;
    await expectRefusal(
      state.removeRoute(':443', FILE),
      'route_is_configured',
      /remove it at mc-proxy\.toml:4:1 and reload/,
    );
    await expectRefusal(
      state.removeRoute(':443', 'none.test'),
      'route_not_found',
      'the listener :443 has no route none.test',
    );
    await expectRefusal(state.removeRoute(':443', '*'), 'route_invalid', 'wildcard');
  });

  it('refuses invalid routes, unknown and ambiguous listeners, bad certificates, with nothing changed', async () => {
    const { state } = harness;
    await expectRefusal(state.addRoute(':1', APP), 'listener_unknown', /configured are: :443, :8443/);
    await expectRefusal(state.addRoute('', APP), 'listener_ambiguous', /configured are: :443, :8443/);
    await expectRefusal(state.addRoute(':443', { ...APP, hostname: '192.0.2.1' }), 'route_invalid', 'IP address');
    await expectRefusal(state.addRoute(':443', { ...APP, backends: ['a'] }), 'backend_invalid', 'has no port');
    await expectRefusal(
      state.addRoute(':443', { ...APP, backends: [], mode: 'x' }),
      'route_invalid',
      /no backend.*no mode/,
    );
    await expectRefusal(state.addRoute(':443', { ...APP, mode: 'l7' }), 'route_invalid', /tls_cert.*tls_key/);
    const l7 = { ...APP, mode: 'l7', tlsCert: '/nonexistent/c.pem', tlsKey: '/nonexistent/k.pem' };
    await expectRefusal(state.addRoute(':443', l7), 'certificate_unreadable', 'ENOENT');
    expect(harness.published).toEqual([]);
  });

  it('takes the only listener for granted', async () => {
    await harness.restart('[[listeners]]\naddr = ":443"\n');
    expect(await harness.state.addRoute('', APP)).toMatchObject({ route: { listener: ':443' } });
    await harness.state.removeRoute('', APP.hostname);
  });

  it('keeps the API routes of a listener that the file no longer has, says so, and serves them when it is back', async () => {
    await harness.state.addRoute(':8443', APP);
    const reduced = TWO_LISTENERS.replace('[[listeners]]\naddr = ":8443"\n', '');
    const outcome = await harness.state.reload(configuredFrom(reduced));
    expect(outcome).toMatchObject({ listenersAdded: [], listenersRemoved: [':8443'] });
    expect(harness.state.warnings()).toEqual([expect.stringContaining("the API's routes of :8443 (1) are not served")]);
    await harness.restart(reduced);
    expect(harness.state.routes()).toHaveLength(1);
    expect(await harness.state.reload(configuredFrom(TWO_LISTENERS))).toMatchObject({
      listenersAdded: [{ addr: ':8443' }],
    });
    expect(hostnames(':8443')).toEqual(['app.example.test']);
    await harness.state.reload(configuredFrom(reduced));
    await harness.state.removeRoute(':8443', APP.hostname);
    expect(harness.state.warnings()).toEqual([]);
  });
});

describe('firewall', () => {
  it('PX-15 rules are canonical, idempotent, published one by one and there after a restart', async () => {
    const { state } = harness;
    expect(await state.addFirewallRule('blocked_ip', '::ffff:192.0.2.9')).toEqual({
      rule: { kind: 'blocked_ip', value: '192.0.2.9' },
      origin: 'api',
      changed: true,
      generation: 1,
    });
    expect(await state.addFirewallRule('blocked_ip', '192.0.2.9')).toMatchObject({ changed: false, generation: 1 });
    expect(await state.addFirewallRule('blocked_cidr', '192.0.2.0/24')).toMatchObject({
      changed: false,
      origin: 'config',
    });
    await state.addFirewallRule('blocked_country', 'kp');
    expect(harness.published[1]).toEqual([
      { kind: 'firewall_rule', op: 'add', rule: { kind: 'blocked_country', value: 'KP' } },
    ]);
    await harness.restart();
    expect(harness.state.firewall().rules).toEqual([
      { rule: { kind: 'blocked_cidr', value: '192.0.2.0/24' }, origin: 'config' },
      { rule: { kind: 'blocked_country', value: 'KP' }, origin: 'api' },
      { rule: { kind: 'blocked_ip', value: '192.0.2.9' }, origin: 'api' },
    ]);
    await harness.state.removeFirewallRule('blocked_ip', '192.0.2.9');
    await expectRefusal(harness.state.removeFirewallRule('blocked_ip', '192.0.2.9'), 'rule_not_found', 'no rule');
  });

  it('refuses bad rules and the removal of rules of the file', async () => {
    const { state } = harness;
    await expectRefusal(state.addFirewallRule('blocked_cidr', '192.0.2.1/24'), 'rule_invalid', '192.0.2.0/24');
    await expectRefusal(state.addFirewallRule('blocked_country', 'ZZ'), 'rule_invalid', 'ISO 3166-1');
    await expectRefusal(
      state.removeFirewallRule('blocked_cidr', '192.0.2.0/24'),
      'rule_is_configured',
      /remove it at mc-proxy\.toml:11:18 and reload/,
    );
  });

  it('PX-15 the rate limit of the API is in force over restarts until it is reset', async () => {
    const { state } = harness;
    expect(await state.setRateLimit(5, 0)).toMatchObject({ rateLimit: { limit: 5, windowMs: 10_000 }, origin: 'api' });
    expect(await state.setRateLimit(5, 10_000)).toMatchObject({ generation: 1 });
    await harness.restart(TWO_LISTENERS.replace('rate_limit = 20', 'rate_limit = 30'));
    expect(harness.state.firewall()).toMatchObject({ rateLimit: { limit: 5 }, rateLimitOrigin: 'api' });
    expect(await harness.state.resetRateLimit()).toMatchObject({
      rateLimit: { limit: 30 },
      origin: 'config',
      generation: 2,
    });
    expect(await harness.state.resetRateLimit()).toMatchObject({ generation: 2 });
    await expectRefusal(harness.state.setRateLimit(-1, 1_000), 'rate_limit_invalid', 'whole number');
    await expectRefusal(harness.state.setRateLimit(1, 1), 'rate_limit_invalid', '100 ms');
  });
});

describe('changes', () => {
  it('run one after the other in the order of the calls, each after the one before is served', async () => {
    const held = Promise.withResolvers<void>();
    harness.publish = () => held.promise;
    const order: string[] = [];
    const first = harness.state.addRoute(':443', APP).then(() => order.push('first'));
    const second = harness.state.addRoute(':443', { ...APP, backends: ['b:1'] }).then(() => order.push('second'));
    const third = harness.state.removeRoute(':443', APP.hostname).then(() => order.push('third'));
    const bad = refusal(harness.state.addRoute(':1', APP)).then(() => order.push('bad'));
    await Promise.resolve();
    expect(harness.published.length).toBeLessThanOrEqual(1);
    held.resolve();
    await Promise.all([first, second, third, bad]);
    expect(order).toEqual(['first', 'second', 'third', 'bad']);
    expect(harness.published.map(([change]) => change?.kind)).toEqual(['route_put', 'route_put', 'route_remove']);
  });

  it('converge whatever the concurrency of their callers', async () => {
    const many = Array.from({ length: 40 }, (_, index) => `h${index % 8}.test`);
    await Promise.all(
      many.map((hostname, index) => harness.state.addRoute(':8443', { ...APP, hostname, backends: [`b${index}:1`] })),
    );
    expect(harness.state.generation).toBe(40);
    const served = harness.state.routes(':8443').map(({ spec }) => [spec.hostname, spec.backends[0]]);
    await harness.restart();
    expect(harness.state.routes(':8443').map(({ spec }) => [spec.hostname, spec.backends[0]])).toEqual(served);
    expect(Object.fromEntries(served)).toMatchObject({ 'h0.test': 'b32:1', 'h7.test': 'b39:1' });
  });

  it('publish one change for one route, however many routes there are', async () => {
    const before = harness.state.snapshot();
    for (let index = 0; index < 300; index++)
      await harness.state.addRoute(':443', { ...APP, hostname: `h${index}.test` });
    expect(harness.published.every((changes) => changes.length === 1)).toBe(true);
    expect(before.listeners[0]?.routes).toHaveLength(1);
    expect(harness.state.snapshot().listeners[0]?.routes).toHaveLength(301);
  });

  it('are refused when too many wait, and when the proxy shuts down', async () => {
    const held = Promise.withResolvers<void>();
    harness.publish = () => held.promise;
    const waiting = Array.from({ length: 1_000 }, () => harness.state.addRoute(':443', APP));
    expect((await refusal(harness.state.addRoute(':443', APP))).code).toBe('resource_exhausted');
    held.resolve();
    await Promise.all(waiting);
    const closing = harness.state[Symbol.asyncDispose]();
    expect((await refusal(harness.state.addRoute(':443', APP))).code).toBe('draining');
    await closing;
  });

  it('say so when they are saved but a worker did not confirm them', async () => {
    harness.publish = () => Promise.reject(new Error('worker 1 is stuck'));
    const error = await refusal(harness.state.addRoute(':443', APP));
    expect(error).toMatchObject({ code: 'not_confirmed', message: expect.stringContaining('worker 1 is stuck') });
    harness.publish = () => Promise.resolve();
    expect(await harness.state.addRoute(':443', APP)).toMatchObject({ changed: false });
  });
});

describe('reload', () => {
  it('publishes what differs and nothing else', async () => {
    await harness.state.addRoute(':443', APP);
    harness.published.length = 0;
    const same = await harness.state.reload(configuredFrom(TWO_LISTENERS));
    expect(same).toMatchObject({ changes: 0, listenersAdded: [], listenersRemoved: [] });
    expect(harness.published).toEqual([]);
    const next = `${TWO_LISTENERS.replace('addr = ":8443"', 'addr = ":8443"\nmax_connections = 5').replace('20', '30')}
[proxy]
idle_timeout = "10s"
[[listeners]]
addr = ":9443"
[[listeners.routes]]
hostname = "new.example.test"
backend = "10.0.0.8:1"
mode = "l4"
`;
    const outcome = await harness.state.reload(configuredFrom(next));
    expect(outcome).toMatchObject({ listenersAdded: [{ addr: ':9443' }], listenersRemoved: [], changes: 5 });
    expect(harness.published[0]?.map((change) => change.kind)).toEqual([
      'listener_put',
      'listener_put',
      'route_put',
      'firewall',
      'settings',
    ]);
  });

  it('keeps quiet about routes of the file that the API hides', async () => {
    await harness.state.addRoute(':443', { ...APP, hostname: FILE });
    harness.published.length = 0;
    await harness.state.reload(configuredFrom(TWO_LISTENERS.replace('10.0.0.7', '10.0.0.8')));
    expect(harness.published).toEqual([]);
    await harness.state.removeRoute(':443', FILE);
    expect(harness.state.routes(':443')).toMatchObject([{ spec: { backends: ['10.0.0.8:8443'] } }]);
  });
});
