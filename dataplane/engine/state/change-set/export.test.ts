import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePemDir } from '../../certificates/test/pem-dir.ts';
import type { ApplyResult } from '../index.ts';
import { makeHarness, type Harness } from '../test/harness.ts';

let harness: Harness;
beforeEach(() => {
  harness = makeHarness();
});
afterEach(() => harness[Symbol.asyncDispose]());

const APP = { hostname: 'app.example.test', backends: ['10.0.0.9:443'], mode: 'l4' };

const apply = (text: string): Promise<ApplyResult> =>
  harness.state.apply({ file: 'changes.toml', text, dryRun: false, confirmWithinMs: 0 });

describe('Export', () => {
  it('PX-18 has every key, text that TOML must escape, and comments for what is of the file', async () => {
    using pems = await makePemDir();
    const { tlsCert, tlsKey } = await pems.pair('we b "x"\u2028\\', ['web.example.test']);
    const ca = pems.write('ca.pem', pems.ca.certPem);
    await harness.state.addRoute(':443', {
      hostname: '*.example.test',
      backends: ['b.internal:1', '[fd00::1]:2'],
      mode: 'l7',
      sendProxyProtocol: true,
      tlsCert,
      tlsKey,
      backendTls: true,
      backendVerify: 'ca',
      backendCa: ca,
      backendServerName: 'b.internal',
      backendProtocol: 'h2',
      clientCa: ca,
      forwardedHeaders: 'append',
      health: { check: 'http', intervalMs: 1_500, timeoutMs: 500, path: '/"', host: 'b.internal', fall: 1, rise: 9 },
      blockUserAgents: ['a"b\\', "it's"],
      requireHeaders: ['x-a'],
    });
    await harness.state.addPolicy({
      listener: ':443',
      hostname: '*.example.test',
      kind: 'require_header',
      value: 'x-b',
    });
    await harness.state.setRateLimit(0, 1_500);
    const { toml, generation } = harness.state.export();
    expect(generation).toBe(3);
    expect(toml).toContain('# of the configuration file: file.example.test at mc-proxy.toml:4:1');
    expect(toml).toContain('# of the configuration file: blocked_cidr 192.0.2.0/24 at mc-proxy.toml:');
    expect(await apply(toml)).toMatchObject({ total: 0 });
    const [before] = harness.state.routes(':443').filter(({ origin }) => origin === 'api');
    const policies = harness.state.policies();
    await apply('');
    expect(await apply(toml)).toMatchObject({ total: 3, changed: true });
    expect(harness.state.routes(':443').filter(({ origin }) => origin === 'api')).toEqual([before]);
    expect(harness.state.policies()).toEqual(policies);
    expect(harness.state.firewall()).toMatchObject({
      rateLimit: { limit: 0, windowMs: 1_500 },
      rateLimitOrigin: 'api',
    });
  });

  it('PX-18 marks policies that have no effect now, so that they can be applied', async () => {
    using pems = await makePemDir();
    const pair = await pems.pair('app', [APP.hostname]);
    await harness.state.addRoute(':443', { ...APP, mode: 'l7', ...pair });
    await harness.state.addPolicy({
      listener: ':443',
      hostname: APP.hostname,
      kind: 'block_user_agent',
      value: 'zgrab',
    });
    await harness.state.addRoute(':443', APP);
    const { toml } = harness.state.export();
    expect(toml).toContain('dormant = true');
    await apply('');
    expect(await apply(toml)).toMatchObject({
      total: 2,
      warnings: [expect.stringMatching(/changes.toml:\d+:12: .*no effect/)],
    });
  });
});
