import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { requireClient } from '../../../deploy/checks/clients.ts';
import { startMcias, type TestMcias } from '../../test-support/mcias.ts';
import { addExamples, passwords } from './examples.ts';
import { startMcat, verdictOn, type RunningMcat } from './running-mcat.ts';

requireClient('curl');

const burst = 12;
const stack = new AsyncDisposableStack();
let mcias: TestMcias;

/** Behind a proxy on this machine, which says where a browser is. */
const behindProxy = 'trusted_proxies = ["127.0.0.1/32"]';

beforeAll(async () => {
  mcias = stack.use(await startMcias(`[rate_limit]\nlogin_per_minute = 1\nlogin_burst = ${burst}\n`));
  await addExamples(mcias);
});
afterAll(() => stack.disposeAsync());

/** The form, as a browser at an address behind the proxy sends it. */
async function testFrom(mcat: RunningMcat, address: string, password: string = passwords['ann-user']) {
  const forwarded = ['-H', `X-Forwarded-For: ${address}`, '-H', 'X-Forwarded-Proto: https'];
  const browser = mcat.browser();
  const fields = { username: 'ann-user', password, service_name: 'mcq' };
  return mcat.fill(browser, '/', fields, ...forwarded);
}

describe('without a token that may explain', () => {
  it('IA-82 logs in, ends the session at once, and says so', async () => {
    await using mcat = await startMcat(mcias, { token: false, server: behindProxy });
    expect(mcat.process.output()).toContain('without [mcias] token_file each test is a login');
    const page = await testFrom(mcat, '192.0.2.1');
    expect(verdictOn(page)).toBe('Accepted: accepted');
    expect(page.body).toContain('a token that it gave has been ended');
    expect(page.cookies.filter((line) => line.includes('-session='))).toEqual([]);
    const { tokens } = await mcias.admin('GET', '/v1/tokens?account=ann-user');
    expect(tokens).toEqual([]);
    const { sessions } = (await mcias.admin('GET', '/v1/sessions')) as { sessions: { account: string }[] };
    expect(JSON.stringify(sessions)).not.toContain('ann-user');
    const denied = await mcat.fill(mcat.browser(), '/', {
      username: 'guy-guest',
      password: passwords['guy-guest'],
      service_name: 'mcr',
    });
    expect(verdictOn(denied)).toBe('Denied: no_match');
  });
});

describe("mcias's limits through mcat", () => {
  it('IA-84 count the address of the browser: one is stopped with 429 and Retry-After, another is not', async () => {
    await using mcat = await startMcat(mcias, { token: true, server: behindProxy });
    for (let i = 0; i < burst; i++) {
      expect(verdictOn(await testFrom(mcat, '192.0.2.77'))).toBe('Accepted: accepted');
    }
    const stopped = await testFrom(mcat, '192.0.2.77');
    expect({ status: stopped.status, verdict: verdictOn(stopped) }).toEqual({
      status: 429,
      verdict: 'Denied: rate_limited',
    });
    expect(Number(/^retry-after: (\d+)/im.exec(stopped.headers)?.[1])).toBeGreaterThan(0);
    expect((await testFrom(mcat, '192.0.2.78')).status).toBe(200);
    const { entries } = (await mcias.admin('GET', '/v1/audit?event=login.accepted&limit=500')) as {
      entries: { ip: string }[];
    };
    expect(entries.map(({ ip }) => ip)).toContain('192.0.2.77');
  });

  it('IA-84 and the soft lock of a name', async () => {
    await using mcat = await startMcat(mcias, { token: true, server: behindProxy });
    const verdicts: string[] = [];
    // A lock is short at first and grows with each failure, so a slow machine meets it later, not never.
    for (let i = 1; i < 100 && verdicts.at(-1) !== 'Denied: account_locked'; i++) {
      verdicts.push(verdictOn(await testFrom(mcat, `192.0.2.${100 + i}`, 'planted-secret-wrong')));
    }
    expect(verdicts[0]).toBe('Denied: invalid_credentials');
    expect(verdicts.at(-1)).toBe('Denied: account_locked');
  });
});
