import { afterEach, beforeEach, expect, it } from 'vitest';

import { ExplainRequest, FirewallRuleKind, PolicyKind, RouteMode } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import type { ExplainResponse } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { makePemDir } from '../../certificates/test/pem-dir.ts';
import type { REASONS } from '../../../proxy/reasons.ts';
import { addRoute, codeOf, policy, rule } from './messages.ts';
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

const explain = (fields: Partial<ExplainRequest>): Promise<ExplainResponse> =>
  connection.admin.explain(ExplainRequest.fromPartial({ ip: '203.0.113.9', listener: ':443', ...fields }));

it('PX-14 Explain names each step, the rule that decides, and the route', async () => {
  const answer = await explain({ sni: 'FILE.example.test' });
  expect(answer).toMatchObject({ outcome: 'relay', reason: '', rule: 'file.example.test' });
  expect(answer.route).toMatchObject({ listener: ':443', route: { backends: ['10.0.0.7:8443'] } });
  expect(answer.steps.map(({ step }) => step)).toEqual(expect.arrayContaining(['client_hello', 'route']));
  expect(answer.steps.at(-1)).toMatchObject({ result: 'decide', rule: 'file.example.test' });
});

it('PX-14 Explain gives the reason code of each refusal, as changed a moment ago', async () => {
  using pems = await makePemDir();
  const { admin } = connection;
  await admin.addRoute(addRoute({ mode: RouteMode.L7, ...(await pems.pair('app.example.test')) }, ':443'));
  const app = { listener: ':443', hostname: 'app.example.test' };
  await admin.addPolicy(policy({ ...app, kind: PolicyKind.BLOCK_USER_AGENT, value: 'zgrab' }));
  await admin.addFirewallRule(rule(FirewallRuleKind.BLOCKED_IP, '198.51.100.1'));

  const refusals: readonly [Partial<ExplainRequest>, keyof typeof REASONS, string][] = [
    [{ ip: '192.0.2.77' }, 'blocked_cidr', '192.0.2.0/24'],
    [{ ip: '::ffff:198.51.100.1' }, 'blocked_ip', '198.51.100.1'],
    [{}, 'no_sni', ''],
    [{ sni: 'gone.example.test' }, 'no_route', ''],
    [{ sni: '192.0.2.1' }, 'hello_invalid', 'sni-ip-literal'],
    [{ sni: '' }, 'hello_invalid', 'sni-empty'],
    [{ sni: 'app.example.test', userAgent: 'Mozilla/5.0 ZGRAB/0.x' }, 'ua_blocked', 'zgrab'],
  ];
  for (const [fields, reason, rule] of refusals) {
    expect(await explain(fields)).toMatchObject({ outcome: 'refuse', reason, rule: expect.stringContaining(rule) });
  }
  const passed = await explain({ sni: 'app.example.test', userAgent: 'curl/8', alpn: ['h2'] });
  expect(passed).toMatchObject({ outcome: 'terminate', reason: '' });
  // The route as it was given: the policy stands beside it.
  expect(passed.route?.route?.blockUserAgents).toEqual([]);
});

it('PX-14 Explain counts nothing', async () => {
  for (let i = 0; i < 50; i++) await explain({ sni: 'file.example.test' });
  expect(await explain({ sni: 'file.example.test' })).toMatchObject({ outcome: 'relay' });
  expect(running.events.kept).toBe(0);
});

it('refuses questions that make no sense', async () => {
  expect(await codeOf(explain({ ip: '' }))).toBe('invalid_argument');
  expect(await codeOf(explain({ ip: '203.0.113' }))).toBe('invalid_argument');
  expect(await codeOf(explain({ listener: '' }))).toBe('listener_ambiguous');
  expect(await codeOf(explain({ listener: ':1' }))).toBe('listener_unknown');
  expect(await codeOf(explain({ userAgent: 'x'.repeat(10_000) }))).toBe('invalid_argument');
  expect(await codeOf(explain({ alpn: Array.from({ length: 100 }, () => 'h2') }))).toBe('invalid_argument');
});
