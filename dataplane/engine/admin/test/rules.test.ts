import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FirewallRuleKind, Origin, PolicyKind, RouteMode } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import type { FirewallRule, Policy } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { makePemDir } from '../../certificates/test/pem-dir.ts';
import type { PemDir } from '../../certificates/test/pem-dir.ts';
import { addRoute, codeOf, policy, rule } from './messages.ts';
import { startAdmin } from './running-admin.ts';
import type { AdminClient, RunningAdmin } from './running-admin.ts';

let running: RunningAdmin;
let connection: Disposable & { readonly admin: AdminClient };

beforeEach(async () => {
  running = await startAdmin();
  connection = await running.connect();
});

afterEach(async () => {
  connection[Symbol.dispose]();
  await running[Symbol.asyncDispose]();
});

describe('the firewall over the admin socket', () => {
  it('shows the rules of file and API, and the database of countries', async () => {
    const { admin } = connection;
    running.geoip = {
      path: '/geo.mmdb',
      loaded: { type: 'GeoLite2-Country', builtAt: new Date('2026-01-01T00:00:00Z') },
      reloadFailures: 1,
      lastError: 'cut off',
    };
    await admin.addFirewallRule(rule(FirewallRuleKind.BLOCKED_COUNTRY, 'de'));
    expect(await admin.getFirewall({})).toEqual({
      rules: [
        { kind: FirewallRuleKind.BLOCKED_CIDR, value: '192.0.2.0/24', origin: Origin.CONFIG },
        { kind: FirewallRuleKind.ALLOWED_CIDR, value: '10.0.0.0/8', origin: Origin.CONFIG },
        { kind: FirewallRuleKind.BLOCKED_COUNTRY, value: 'DE', origin: Origin.API },
      ],
      rateLimit: { limit: 20, windowMs: 10_000, prefixV4: 32, prefixV6: 64, origin: Origin.CONFIG },
      geoip: {
        path: '/geo.mmdb',
        loaded: true,
        type: 'GeoLite2-Country',
        builtAt: new Date('2026-01-01T00:00:00Z'),
        reloadFailures: 1,
        lastError: 'cut off',
      },
    });
  });

  it('PX-15 keeps rules and limits over a restart, and takes them back', async () => {
    const blocked = rule(FirewallRuleKind.BLOCKED_IP, '::ffff:203.0.113.9');
    expect(await connection.admin.addFirewallRule(blocked)).toEqual({
      rule: { kind: FirewallRuleKind.BLOCKED_IP, value: '203.0.113.9', origin: Origin.API },
      changed: true,
      generation: 1,
    });
    expect(await connection.admin.addFirewallRule(blocked)).toMatchObject({ changed: false, generation: 1 });
    const limit = { limit: 7, windowMs: 5000, prefixV4: 32, prefixV6: 64, origin: Origin.API };
    expect(await connection.admin.setRateLimit({ limit: 7, windowMs: 5000, reset: false })).toEqual({
      rateLimit: limit,
      generation: 2,
    });
    connection[Symbol.dispose]();
    await running.restart();
    connection = await running.connect();
    const { admin } = connection;
    const after = await admin.getFirewall({});
    expect(after.rateLimit).toEqual(limit);
    expect(after.rules).toHaveLength(3);
    expect(await admin.setRateLimit({ limit: 9, windowMs: 0, reset: false })).toMatchObject({
      rateLimit: { limit: 9, windowMs: 5000 },
    });
    expect(await admin.setRateLimit({ limit: 0, windowMs: 0, reset: true })).toMatchObject({
      rateLimit: { limit: 20, windowMs: 10_000, origin: Origin.CONFIG },
    });
    expect(await admin.removeFirewallRule(blocked)).toMatchObject({ generation: 5 });
    expect(await codeOf(admin.removeFirewallRule(blocked))).toBe('rule_not_found');
  });

  const badRules: readonly [FirewallRule['kind'], string, string, string][] = [
    [FirewallRuleKind.BLOCKED_IP, '203.0.113.300', 'rule_invalid', 'is not an IP address'],
    [FirewallRuleKind.BLOCKED_IP, '203.0.113.0/24', 'rule_invalid', 'a network belongs into'],
    [FirewallRuleKind.BLOCKED_CIDR, '203.0.113.9/24', 'rule_invalid', '203.0.113.0/24'],
    [FirewallRuleKind.BLOCKED_CIDR, '', 'rule_invalid', 'is not an IP address'],
    [FirewallRuleKind.BLOCKED_COUNTRY, 'UK', 'rule_invalid', 'GB'],
    [FirewallRuleKind.ALLOWED_CIDR, '0.0.0.0/33', 'rule_invalid', 'from 0 to 32'],
    [FirewallRuleKind.UNSPECIFIED, '203.0.113.9', 'rule_invalid', 'no kind of rule'],
    [FirewallRuleKind.BLOCKED_IP, 'x'.repeat(2000), 'invalid_argument', '2000 characters'],
  ];
  it.each(badRules)('refuses a rule of kind %s with %j and changes nothing', async (kind, value, code, text) => {
    await expect(connection.admin.addFirewallRule(rule(kind, value))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(text),
    });
    expect(running.state.generation).toBe(0);
  });

  it('refuses an impossible rate limit, a rule that is missing, and the removal of a rule of the file', async () => {
    const { admin } = connection;
    const limit = { limit: 5, windowMs: 10, reset: false };
    expect(await codeOf(admin.setRateLimit(limit))).toBe('rate_limit_invalid');
    expect(await codeOf(admin.setRateLimit({ ...limit, windowMs: Number.MAX_SAFE_INTEGER }))).toBe(
      'rate_limit_invalid',
    );
    expect(await codeOf(admin.addFirewallRule({ rule: undefined }))).toBe('invalid_argument');
    const configured = rule(FirewallRuleKind.BLOCKED_CIDR, '192.0.2.0/24');
    expect(await codeOf(admin.removeFirewallRule(configured))).toBe('rule_is_configured');
    expect(running.state.generation).toBe(0);
  });
});

describe('policies over the admin socket', () => {
  let pems: PemDir;
  const zgrab = policy({ hostname: 'App.example.test', kind: PolicyKind.BLOCK_USER_AGENT, value: 'ZGrab' });
  const added: Policy = {
    listener: ':443',
    hostname: 'app.example.test',
    kind: PolicyKind.BLOCK_USER_AGENT,
    value: 'ZGrab',
    origin: Origin.API,
  };

  beforeEach(async () => {
    pems = await makePemDir();
    const files = await pems.pair('app.example.test');
    await connection.admin.addRoute(addRoute({ mode: RouteMode.L7, ...files, requireHeaders: ['X-Api-Key'] }));
  });

  afterEach(() => pems[Symbol.dispose]());

  it('adds, lists and removes a policy, and keeps it over a restart', async () => {
    expect(await connection.admin.addPolicy(zgrab)).toEqual({ policy: added, changed: true, generation: 2 });
    connection[Symbol.dispose]();
    await running.restart();
    connection = await running.connect();
    const { admin } = connection;
    const { policies } = await admin.listPolicies({ listener: '', hostname: 'APP.example.test' });
    expect(policies).toEqual([{ ...added, kind: PolicyKind.REQUIRE_HEADER, value: 'x-api-key' }, added]);
    const { routes } = await admin.listRoutes({ listener: ':443' });
    const listed = routes.find(({ route }) => route?.hostname === 'app.example.test')?.route;
    expect(listed).toMatchObject({ blockUserAgents: [], requireHeaders: ['x-api-key'] });
    expect(await admin.removePolicy(zgrab)).toEqual({ generation: 3 });
    expect((await admin.listPolicies({ listener: '', hostname: '' })).policies).toHaveLength(1);
  });

  const badPolicies: readonly [string, Partial<Policy>, string][] = [
    ['a kind that there is not', { kind: PolicyKind.UNSPECIFIED }, 'policy_invalid'],
    ['an empty text', { value: '' }, 'policy_invalid'],
    ['a line end', { value: 'a\nb' }, 'invalid_argument'],
    ['no such route', { hostname: 'none.example.test' }, 'route_not_found'],
    ['an l4 route', { hostname: 'file.example.test' }, 'policy_needs_l7'],
    ['an unknown listener', { listener: ':1' }, 'listener_unknown'],
  ];
  it.each(badPolicies)('refuses a policy with %s', async (_, fields, code) => {
    expect(await codeOf(connection.admin.addPolicy(policy({ ...zgrab.policy, ...fields })))).toBe(code);
    expect(running.state.generation).toBe(1);
  });

  it('refuses to remove what belongs to the route, and filters that are no host names', async () => {
    const { admin } = connection;
    const own = policy({ ...zgrab.policy, kind: PolicyKind.REQUIRE_HEADER, value: 'x-api-key' });
    expect(await codeOf(admin.removePolicy(own))).toBe('policy_of_route');
    expect(await codeOf(admin.removePolicy(zgrab))).toBe('policy_not_found');
    expect(await codeOf(admin.addPolicy({ policy: undefined }))).toBe('invalid_argument');
    expect(await codeOf(admin.listPolicies({ listener: '', hostname: 'a b' }))).toBe('invalid_argument');
  });
});
