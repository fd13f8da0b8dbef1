import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { requireClient } from '../../../deploy/checks/clients.ts';
import { startMcias, type TestMcias } from '../../test-support/mcias.ts';
import { totpCode } from '../../test-support/totp.ts';
import { addExamples, examples, isPerson, passwords, shownReason } from './examples.ts';
import { rowsOn, startMcat, verdictOn, type RunningMcat } from './running-mcat.ts';

requireClient('curl');

const otpPassword = 'planted-secret-of-tom-4b09';
/** Every context of the examples once, as presets. */
const presets = [
  ['plain mcq', 'mcq'],
  ['restricted', 'mcq', 'env:restricted', 'team:lab'],
  ['registry', 'mcr'],
  ['vault', 'metacrypt'],
  ['prod bench', 'bench', 'env:prod', 'team:lab'],
  ['lab bench', 'bench', 'team:lab'],
  ['restricted vault', 'metacrypt', 'env:restricted'],
  ['own', 'mcias'],
] as const;

const presetLines = presets
  .map(([label, service, ...tags]) =>
    ['[[presets]]', `label = "${label}"`, `service_name = "${service}"`, `tags = ${JSON.stringify(tags)}`].join('\n'),
  )
  .join('\n');

const stack = new AsyncDisposableStack();
let mcias: TestMcias;
let mcat: RunningMcat;
/** All that pages have shown. */
let shown = '';

beforeAll(async () => {
  mcias = stack.use(await startMcias('[policy]\nexplain_accounts = ["mcat"]\n'));
  await addExamples(mcias);
  await mcias.addPerson('tom-totp', ['user'], otpPassword);
  mcat = stack.use(await startMcat(mcias, { token: true, more: presetLines }));
});
afterAll(() => stack.disposeAsync());

const people = examples.filter(({ account }) => isPerson(account));

function passwordOf(account: string): string {
  return isPerson(account) ? passwords[account] : 'planted-secret-of-nobody';
}

async function test(username: string, password: string, more: Readonly<Record<string, string>>) {
  const page = await mcat.fill(mcat.browser(), '/', { username, password, ...more });
  shown += page.headers + page.body;
  return page;
}

async function signedIn() {
  const browser = mcat.browser();
  const fields = { username: 'ada-admin', password: passwords['ada-admin'] };
  expect((await mcat.fill(browser, '/login', fields)).status).toBe(303);
  return browser;
}

async function tokensOf(account: string): Promise<unknown[]> {
  return (await mcias.admin('GET', `/v1/tokens?account=${account}`))['tokens'] as unknown[];
}

describe('the form', () => {
  it.each(people.filter(({ reason }) => reason !== 'account_disabled'))(
    'IA-81 row $row of the examples: $account into $service',
    async ({ account, service, tags, expect: effect, reason, rule }) => {
      const page = await test(account, passwordOf(account), { service_name: service, tags: tags.join(' ') });
      expect(page.status).toBe(200);
      expect(verdictOn(page)).toBe(`${effect === 'allow' ? 'Accepted' : 'Denied'}: ${shownReason({ reason, rule })}`);
    },
  );

  it.each(examples.filter(({ account, reason }) => !isPerson(account) || reason === 'account_disabled'))(
    'IA-81 row $row: $account cannot log in with a password at all, and nothing tells why',
    async ({ account, service }) => {
      const page = await test(account, passwordOf(account), { service_name: service });
      expect(verdictOn(page)).toBe('Denied: invalid_credentials');
    },
  );

  it('IA-82 a dry run shows the rules in the order of evaluation, and no token is issued', async () => {
    const page = await test('ann-user', passwords['ann-user'], { service_name: 'bench', tags: 'env:prod, team:lab' });
    const rows = rowsOn(page);
    expect(rows.map(([id]) => id)).toEqual(expect.arrayContaining(['1', '14', '15']));
    expect(rows.find(([id]) => id === '15')).toEqual([
      '15',
      '300',
      'deny',
      'yes',
      expect.stringContaining('tags holds'),
    ]);
    expect(page.body).not.toContain('a token that it gave has been ended');
    expect(await tokensOf('ann-user')).toEqual([]);
  });

  it('IA-82 shows what the rules alone would say of an admin', async () => {
    const page = await test('ada-admin', passwords['ada-admin'], { service_name: 'metacrypt', tags: 'env:restricted' });
    expect(page.body).toContain('By the rules alone: denied, no_match.');
  });

  it('a wrong password and a bad service name are told on the form, which keeps no password', async () => {
    const wrong = await test('nobody-here', 'planted-secret-wrong', { service_name: 'mcq' });
    expect(verdictOn(wrong)).toBe('Denied: invalid_credentials');
    const bad = await test('nia-norole', passwords['nia-norole'], { service_name: 'Not A Service' });
    expect(bad.status).toBe(400);
    expect(bad.body).toMatch(/role="alert">[^<]*service_name/);
    for (const { body } of [wrong, bad]) expect(body).not.toMatch(/type="password"[^>]*value=/);
  });

  it('refuses a form of another page or without its value', async () => {
    const browser = mcat.browser();
    const { csrf } = await browser.open(`${mcat.origin}/`);
    const fields = { username: 'ann-user', password: passwords['ann-user'], service_name: 'mcq' };
    expect((await browser.submit(`${mcat.origin}/`, fields)).status).toBe(403);
    const foreign = await browser.submit(`${mcat.origin}/`, { ...fields, csrf }, '-H', 'Sec-Fetch-Site: cross-site');
    expect(foreign.status).toBe(403);
  });
});

describe('presets', () => {
  it.each(['ann-user', 'guy-guest', 'ada-admin', 'nia-norole'])(
    'IA-83 one submission of %s shows each preset as the examples have it',
    async (account) => {
      const page = await test(account, passwordOf(account), { presets: 'on' });
      const rows = rowsOn(page);
      expect(rows.map(([label]) => label)).toEqual(presets.map(([label]) => label));
      const expected = examples.filter((example) => example.account === account);
      expect(expected.length).toBeGreaterThan(0);
      for (const { service, tags, expect: effect, reason, rule } of expected) {
        const cells = rows.find(([, name, listed]) => name === service && listed === tags.join(' '));
        expect(cells?.slice(3)).toEqual([effect === 'allow' ? 'accepted' : 'denied', shownReason({ reason, rule })]);
      }
    },
  );

  it('IA-83 one TOTP code is enough for all of them, and is good once', async () => {
    const secret = await mcias.enrolTotp('tom-totp', otpPassword);
    const without = await test('tom-totp', otpPassword, { service_name: 'mcq' });
    expect(verdictOn(without)).toBe('Denied: mfa_required');
    const code = { totp_code: totpCode(secret) };
    const first = rowsOn(await test('tom-totp', otpPassword, { presets: 'on', ...code }));
    expect(first).toHaveLength(presets.length);
    expect(first[0]?.slice(3)).toEqual(['accepted', 'rule_allow, rule 1']);
    const again = await test('tom-totp', otpPassword, { presets: 'on', ...code });
    expect(rowsOn(again).map((row) => row.slice(3))).toEqual([['denied', 'invalid_credentials']]);
    expect(again.body).toContain('The other presets were not asked');
  });
});

describe('what if', () => {
  it.each(examples)(
    'IA-95 row $row, asked by an admin without a password: $account into $service',
    async ({ account, service, tags, expect: effect, reason, rule }) => {
      const fields = { account, service_name: service, tags: tags.join('\n') };
      const page = await mcat.fill(await signedIn(), '/what-if', fields);
      expect(verdictOn(page)).toBe(`${effect === 'allow' ? 'Accepted' : 'Denied'}: ${shownReason({ reason, rule })}`);
    },
  );

  it('IA-95 also against all presets, and an unknown account is told', async () => {
    const browser = await signedIn();
    const page = await mcat.fill(browser, '/what-if', { account: 'mcq', presets: 'on' });
    expect(
      rowsOn(page)
        .find(([label]) => label === 'vault')
        ?.slice(3),
    ).toEqual(['denied', 'rule_deny, rule 12']);
    const unknown = await mcat.fill(browser, '/what-if', { account: 'nobody-here', service_name: 'mcq' });
    expect({ status: unknown.status, told: unknown.body.includes('there is no account') }).toEqual({
      status: 400,
      told: true,
    });
  });

  it('IA-95 is for admins: others are sent to the login or refused', async () => {
    const stranger = await mcat.browser().open(`${mcat.origin}/what-if`);
    expect(stranger.location).toMatch(/^\/login\?return=/);
    const browser = mcat.browser();
    await mcat.fill(browser, '/login', { username: 'ann-user', password: passwords['ann-user'] });
    expect((await browser.open(`${mcat.origin}/what-if`)).status).toBe(403);
  });
});

// Last: it searches what all tests above have left.
describe('afterwards', () => {
  it('IA-83 IA-68 no password and no token is in any page, log line or file', async () => {
    expect(await mcat.process.end('SIGTERM')).toBe(0);
    const places = new Map([
      ['pages', shown],
      ['the log of mcat', mcat.process.output()],
      ['the log of mcias', mcias.process.output()],
    ]);
    for (const folder of [mcat.folder, mcias.folder]) {
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        const file = join(entry.parentPath, entry.name);
        // Its own token has to be somewhere, and so has the cookie of the browser that this test plays.
        if (entry.isFile() && entry.name !== 'mcat.token' && !entry.name.startsWith('jar-')) {
          places.set(file, readFileSync(file, 'latin1'));
        }
      }
    }
    expect(places.size).toBeGreaterThan(8);
    expect(mcat.process.output()).toContain('"accepted":true');
    for (const [place, text] of places) {
      expect({ place, planted: text.includes('planted-secret'), token: /eyJ[\w-]{10,}\.eyJ/.test(text) }).toEqual({
        place,
        planted: false,
        token: false,
      });
    }
  });
});
