import { describe, expect, it } from 'vitest';

import { recordingLogger } from '../../grpc/test/fixture.ts';
import { createMetricsRegistry } from '../../metrics/index.ts';
import { freePort } from '../../test-support/free-port.ts';
import { authErrors, createAuthenticator, createMciasClient } from '../index.ts';
import type { MciasConfig } from '../index.ts';
import { ann, agent, guest, startStandIn } from './stand-in.ts';
import type { StandIn } from './stand-in.ts';

function connect(standIn: StandIn, more: Partial<MciasConfig> = {}) {
  const config = standIn.config(more);
  const logger = recordingLogger();
  const client = createMciasClient(config, logger);
  const clock = { nowMs: Date.now() };
  const registry = createMetricsRegistry({ system: 'demo' });
  const authenticator = createAuthenticator({ client, config, registry, now: () => clock.nowMs });
  return { client, clock, authenticator, logger, registry, [Symbol.dispose]: () => client[Symbol.dispose]() };
}

describe('authenticator', () => {
  it('IA-77 asks with the name and tags of the service, and believes the answer for 30 s', async () => {
    await using standIn = await startStandIn();
    using demo = connect(standIn);
    const token = standIn.issue(ann);
    const principal = await demo.authenticator.authenticate(token);
    expect(principal).toMatchObject({ accountId: 'id-ann', name: 'ann', type: 'human', roles: ['user'], amr: ['pwd'] });
    expect(Object.isFrozen(principal) && Object.isFrozen(principal.roles)).toBe(true);
    demo.clock.nowMs += 29_999;
    expect(await demo.authenticator.authenticate(token)).toBe(principal);
    expect(standIn.calls).toEqual(['validate demo env:test']);
    demo.clock.nowMs += 1;
    await demo.authenticator.authenticate(token);
    expect(standIn.calls).toHaveLength(2);
  });

  it('IA-40 IA-46 refuses a revoked token at the latest 30 s after, and at once when it was forgotten here', async () => {
    await using standIn = await startStandIn();
    using demo = connect(standIn);
    const token = standIn.issue(ann);
    await demo.authenticator.authenticate(token);
    standIn.tokens.get(token)!.reason = 'revoked';
    await demo.authenticator.authenticate(token);
    demo.clock.nowMs += 30_000;
    await expect(demo.authenticator.authenticate(token)).rejects.toMatchObject({ code: 'invalid_token', http: 401 });
    const other = standIn.issue(ann);
    await demo.authenticator.authenticate(other);
    standIn.tokens.get(other)!.reason = 'revoked';
    demo.authenticator.forget(other);
    await expect(demo.authenticator.authenticate(other)).rejects.toMatchObject({ code: 'invalid_token' });
  });

  it('IA-77 never believes a token past its end', async () => {
    await using standIn = await startStandIn();
    using demo = connect(standIn);
    const token = standIn.issue(ann, 10_000);
    await demo.authenticator.authenticate(token);
    standIn.tokens.get(token)!.reason = 'expired';
    demo.clock.nowMs = standIn.tokens.get(token)!.expiresAtMs;
    await expect(demo.authenticator.authenticate(token)).rejects.toMatchObject({ details: { reason: 'expired' } });
  });

  it('IA-77 remembers a refusal for 5 s', async () => {
    await using standIn = await startStandIn();
    using demo = connect(standIn);
    const token = standIn.issue(guest);
    standIn.tokens.get(token)!.reason = 'no_match';
    const denied = { code: 'policy_denied', http: 403, details: { reason: 'no_match' } };
    await expect(demo.authenticator.authenticate(token)).rejects.toMatchObject(denied);
    standIn.tokens.get(token)!.reason = null;
    demo.clock.nowMs += 4_999;
    await expect(demo.authenticator.authenticate(token)).rejects.toMatchObject(denied);
    demo.clock.nowMs += 1;
    expect((await demo.authenticator.authenticate(token)).roles).toEqual(['guest']);
  });

  it('IA-77 asks once for callers that come together', async () => {
    await using standIn = await startStandIn();
    using demo = connect(standIn);
    const token = standIn.issue(agent);
    const gate = Promise.withResolvers<void>();
    standIn.gate = gate.promise;
    const answers = Promise.all(Array.from({ length: 50 }, () => demo.authenticator.authenticate(token)));
    await expect.poll(() => standIn.calls.length).toBe(1);
    gate.resolve();
    expect(new Set(await answers).size).toBe(1);
    expect(standIn.calls).toHaveLength(1);
  });

  it('keeps no answer that was under way when its token was forgotten', async () => {
    await using standIn = await startStandIn();
    using demo = connect(standIn);
    const token = standIn.issue(ann);
    const gate = Promise.withResolvers<void>();
    standIn.gate = gate.promise;
    const early = demo.authenticator.authenticate(token);
    await expect.poll(() => standIn.calls.length).toBe(1);
    demo.authenticator.forget(token);
    gate.resolve();
    await early;
    expect(demo.authenticator.remembered(token)).toBeNull();
  });

  it('is bounded: the oldest leaves, and garbage pushes no valid token out', async () => {
    await using standIn = await startStandIn();
    using demo = connect(standIn, { cache_entries: 3 });
    const tokens = Array.from({ length: 4 }, () => standIn.issue(ann));
    for (const token of tokens) await demo.authenticator.authenticate(token);
    for (let i = 0; i < 10; i++) await demo.authenticator.authenticate(`a.b.${i}`).catch(() => undefined);
    const remembered = tokens.map((token) => demo.authenticator.remembered(token) !== null);
    expect(remembered).toEqual([false, true, true, true]);
    const metrics = await demo.registry.render();
    expect(metrics).toContain('mc_demo_auth_validations_total{result="valid"} 4');
    expect(metrics).toContain('mc_demo_auth_validations_total{result="invalid"} 10');
    expect(metrics).toContain('mc_demo_auth_validations_total{result="hit"} 3');
    expect(metrics).toContain('mc_demo_auth_remembered_tokens 3');
  });

  it.each(['', 'a.b', 'a.b.c.d', 'a.b.c=', ' a.b.c', 'a.b.ü', `a.b.${'c'.repeat(4096)}`])(
    'asks nobody about %j',
    async (token) => {
      await using standIn = await startStandIn();
      using demo = connect(standIn);
      await expect(demo.authenticator.authenticate(token)).rejects.toMatchObject({ code: 'invalid_token' });
      expect(standIn.calls).toEqual([]);
    },
  );

  it('takes roles from the answer alone, whatever the token claims: IA-6', async () => {
    await using standIn = await startStandIn();
    using demo = connect(standIn);
    const token = standIn.issue({ ...ann, roles: ['admin', 'user'] });
    standIn.tokens.set(token, { ...standIn.tokens.get(token)!, roles: [] });
    expect((await demo.authenticator.authenticate(token)).roles).toEqual([]);
  });
});

describe('IA-78 mcias that cannot be asked', () => {
  const unavailable = { code: 'auth_unavailable', http: 503, grpc: 'UNAVAILABLE', retry: true };
  const token = 'aa.bb.cc';

  async function failing(more: Partial<MciasConfig>) {
    await using standIn = await startStandIn();
    using demo = connect(standIn, more);
    await expect(demo.authenticator.authenticate(token)).rejects.toMatchObject(unavailable);
    await expect.poll(() => demo.logger.lines.length).toBeGreaterThan(0);
    return demo.logger.lines[0]!;
  }

  it('is 503 and not 401 when its certificate has other names, which the log tells', async () => {
    const line = await failing({ server_name: 'mcias.example.test' });
    expect(line.fields).toMatchObject({ cause: 'tls' });
    expect(line.fields['certificate_names']).toBe('DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
  });

  it('… when its issuer is not trusted', async () => {
    const line = await failing({ ca_cert: '' });
    expect(line.fields).toMatchObject({ cause: 'tls' });
    expect(line.fields['certificate_names']).toContain('DNS:localhost');
  });

  it('… when nobody listens, or its name is unknown', async () => {
    const port = await freePort();
    expect((await failing({ server_url: `https://127.0.0.1:${port}` })).fields).toMatchObject({ cause: 'refused' });
    expect((await failing({ server_url: 'https://nobody.invalid:1' })).fields).toMatchObject({ cause: 'dns' });
  });

  it('… when it does not answer in time', async () => {
    await using standIn = await startStandIn();
    const gate = Promise.withResolvers<void>();
    standIn.gate = gate.promise;
    using demo = connect(standIn, { timeout: 100 });
    await expect(demo.authenticator.authenticate(token)).rejects.toMatchObject({
      ...unavailable,
      details: { reason: 'timeout' },
    });
    gate.resolve();
  });

  it('… when it fails or refuses the question, which is then asked anew', async () => {
    await using standIn = await startStandIn();
    using demo = connect(standIn);
    standIn.instead = () => {
      throw new Error('broken');
    };
    await expect(demo.authenticator.authenticate(token)).rejects.toMatchObject({
      ...unavailable,
      details: { reason: 'answer' },
    });
    standIn.instead = () => {
      throw authErrors.error('invalid_argument', 'no such service');
    };
    await expect(demo.authenticator.authenticate(token)).rejects.toMatchObject(unavailable);
    standIn.instead = null;
    await expect(demo.authenticator.authenticate(token)).rejects.toMatchObject({ code: 'invalid_token' });
    expect(demo.logger.lines.map(({ msg }) => msg)).toContain('mcias answers again');
  });

  it('is asked by an address when server_name tells the name to verify', async () => {
    await using standIn = await startStandIn();
    const { port } = standIn.server.server;
    await standIn.server.tls.renew(['mcias.example.test']);
    standIn.server.certificate.reload();
    using demo = connect(standIn, { server_url: `https://127.0.0.1:${port}`, server_name: 'mcias.example.test' });
    expect((await demo.authenticator.authenticate(standIn.issue(ann))).name).toBe('ann');
  });
});
