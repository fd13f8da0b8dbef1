import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { requireClient } from '../../../../deploy/checks/clients.ts';
import { startService, type RelyingService } from '../../../../mcdsl/sso/test/relying-service.ts';
import { addAuthenticator, openChromium, type TestBrowser } from '../../test-support/browser.ts';
import { password, startMcias, type Mcias } from '../../test-support/mcias.ts';
import { enrolTotp, fillLogin, logIn, sees, send } from './steps.ts';

requireClient('/usr/bin/chromium', 'certutil');

let mcias: Mcias;
let service: RelyingService;
let second: RelyingService;
let chromium: TestBrowser;

beforeAll(async () => {
  mcias = await startMcias();
  service = await startService(mcias, { name: 'mcq' });
  second = await startService(mcias, { name: 'mcr' });
  for (const [name, { origin }] of [
    ['mcq', service],
    ['mcr', second],
  ] as const) {
    mcias.configure(`[[sso_clients]]
client_id = "${name}"
redirect_uri = "${origin}/sso/callback"
service_name = "${name}"
`);
  }
  chromium = await openChromium([mcias, service, second].map(({ server }) => server.tls.caPath));
}, 60_000);

afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]();
  await service?.[Symbol.asyncDispose]();
  await second?.[Symbol.asyncDispose]();
  await mcias?.[Symbol.asyncDispose]();
});

const at = (path: string): string => `${mcias.origin}${path}`;

describe('pages in a real browser', () => {
  it('IA-74 IA-24 IA-76 password, TOTP and recovery codes: enrolled, asked for, used; nothing against the policy of the page', async () => {
    await mcias.addPerson('ann', ['user']);
    const profile = await chromium.profile();
    const { page, context } = profile;
    await page.goto(at('/account'));
    expect(page.url()).toBe(at('/login?return=%2Faccount'));
    await fillLogin(profile, 'ann', 'a wrong password');
    expect(await page.textContent('[role=alert]')).toBe('name, password or second factor is wrong');
    mcias.clock.nowMs += 1_000;
    await fillLogin(profile, 'ann');
    await page.waitForURL(at('/account'));
    const code = await enrolTotp(mcias, profile);
    await page.goto(at('/account/recovery-codes'));
    await send(profile, '/account/recovery-codes');
    const recovery = await page.locator('ul.codes code').allTextContents();
    expect(recovery).toHaveLength(10);

    await context.clearCookies();
    await page.goto(at('/login'));
    await fillLogin(profile, 'ann');
    await sees(profile, 'Second factor');
    await page.fill('#totp_code', '000000');
    await send(profile, '/login/mfa');
    expect(await page.textContent('[role=alert]')).toBe('name, password or second factor is wrong');
    mcias.clock.nowMs += 60_000;
    await page.fill('#totp_code', code());
    await send(profile, '/login/mfa');
    await page.waitForURL(at('/account'));

    await context.clearCookies();
    await page.goto(at('/login'));
    await fillLogin(profile, 'ann');
    await page.fill('#recovery_code', recovery[0]?.toLowerCase() ?? '');
    await page.click('text="Use the recovery code"');
    expect(await page.textContent('[role=status]')).toContain('9 are left');
    await page.click('text="Continue"');
    await page.waitForURL(at('/account'));
    expect(profile.complaints).toEqual([]);
    await context.close();
  }, 60_000);

  it('IA-19 IA-25 a passkey: made, logs in alone, is a second factor, is refused when it lies, is removed', async () => {
    await mcias.addPerson('pat', ['user']);
    const profile = await chromium.profile();
    const { page, context } = profile;
    const { session, authenticatorId } = await addAuthenticator(profile);
    await logIn(mcias, profile, 'pat');
    await page.goto(at('/account/passkeys'));
    await page.fill('#name', 'laptop');
    await send(profile, '/account/passkeys');
    await page.waitForSelector('input[value="laptop"]');

    await context.clearCookies();
    await page.goto(at('/login'));
    await page.click('text="Log in with a passkey"');
    await page.waitForURL(at('/account'));
    expect(await page.textContent('dd')).toBe('pat');

    await context.clearCookies();
    await page.goto(at('/login'));
    await fillLogin(profile, 'pat');
    await page.click('text="Use a passkey"');
    await page.waitForURL(at('/account'));

    await context.clearCookies();
    const honest = { isBogusSignature: false, isBadUV: false, isBadUP: false };
    for (const lie of Object.keys(honest)) {
      await page.goto(at('/login'));
      await session.send('WebAuthn.setResponseOverrideBits', { authenticatorId, ...honest, [lie]: true });
      await page.click('text="Log in with a passkey"');
      await page.waitForSelector('[role=alert]');
    }
    await session.send('WebAuthn.setResponseOverrideBits', { authenticatorId, ...honest });
    await page.goto(at('/login'));
    await page.click('text="Log in with a passkey"');
    await page.waitForURL(at('/account'));

    const { credentials } = await session.send('WebAuthn.getCredentials', { authenticatorId });
    const [credential] = credentials;
    if (credential === undefined) throw new Error('the authenticator has no passkey');
    await session.send('WebAuthn.removeCredential', { authenticatorId, credentialId: credential.credentialId });
    await session.send('WebAuthn.addCredential', { authenticatorId, credential: { ...credential, signCount: 1 } });
    await context.clearCookies();
    await page.goto(at('/login'));
    await page.click('text="Log in with a passkey"');
    await page.waitForSelector('[role=alert]');
    expect(mcias.audited()).toContain('passkey.suspended');

    await logIn(mcias, profile, 'pat');
    await page.goto(at('/account/passkeys'));
    expect(await page.textContent('[role=alert]')).toContain('Suspended');
    await page.click('text="Remove"');
    await page.waitForSelector('text="There is none yet."');
    expect(profile.complaints).toEqual([]);
    await context.close();
  }, 60_000);

  it('IA-46 sessions: two profiles see each other, one ends the other, and with it the login at a service', async () => {
    await mcias.addPerson('sam', ['user']);
    const [one, two] = [await chromium.profile(), await chromium.profile()];
    await logIn(mcias, one, 'sam');
    await two.page.goto(service.origin);
    await two.page.click('text="Sign in with MCIAS"');
    await fillLogin(two, 'sam');
    await two.page.waitForURL(`${service.origin}/`);
    expect(await two.page.textContent('body')).toContain('Hello sam');

    await one.page.goto(at('/account/sessions'));
    expect(await one.page.locator('tbody tr').count()).toBe(2);
    expect(await one.page.textContent('tbody')).toContain('mcq');
    await one.page.click('text="End"');
    await one.page.locator('tbody tr').nth(1).waitFor({ state: 'detached' });
    service.clock.nowMs += 31_000;
    await two.page.goto(service.origin);
    expect(two.page.url()).toBe(`${service.origin}/login?return=%2F`);
    await two.page.goto(at('/account'));
    expect(two.page.url()).toBe(at('/login?return=%2Faccount'));
    expect([...one.complaints, ...two.complaints]).toEqual([]);
    await one.context.close();
    await two.context.close();
  }, 60_000);

  it('IA-45 IA-53 row 36: a planted id is never adopted; a denial names the reason and offers another account', async () => {
    await mcias.addPerson('guy', ['guest']);
    await mcias.addPerson('ulla', ['user']);
    const profile = await chromium.profile();
    const { page, context } = profile;
    const planted = 'p'.repeat(43);
    await context.addCookies([
      { name: '__Host-mcias', value: planted, url: mcias.origin, secure: true, httpOnly: true, sameSite: 'Lax' },
    ]);
    await logIn(mcias, profile, 'guy');
    const cookies = await context.cookies(mcias.origin);
    const session = cookies.find(({ name }) => name === '__Host-mcias');
    expect(session).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Lax' });
    expect(session?.value).not.toBe(planted);

    await page.goto(service.origin);
    await page.click('text="Sign in with MCIAS"');
    await page.waitForURL(/\/sso\/callback/);
    expect(await page.textContent('body')).toContain('no_match');
    mcias.clock.nowMs += 1;
    await page.click('text="Use another account"');
    await page.waitForURL(/\/login\?return=%2Fsso%2Fresume/);
    await fillLogin(profile, 'ulla');
    await page.waitForURL(`${service.origin}/`);
    expect(await page.textContent('body')).toContain('Hello ulla');
    expect(profile.complaints).toEqual([]);
    await context.close();
  }, 60_000);

  it('IA-27 IA-51 IA-74 without JavaScript: an admin enrols, makes an account, its owner recovers, signs on, logs out', async () => {
    await mcias.addPerson('root', ['admin']);
    const admin = await chromium.profile({ javaScriptEnabled: false });
    await admin.page.goto(at('/admin/accounts'));
    await fillLogin(admin, 'root');
    await admin.page.waitForURL(at('/account/enrol?return=%2Fadmin%2Faccounts'));
    await enrolTotp(mcias, admin);
    await admin.page.goto(at('/admin/accounts'));
    await admin.page.fill('#name', 'newbie');
    await send(admin, '/admin/accounts');
    const ticket = await admin.page.textContent('#ticket');
    for (const path of ['tokens', 'sessions', 'clients', 'keys', 'audit', 'policy', 'accounts/newbie']) {
      await admin.page.goto(at(`/admin/${path}`));
      expect(await admin.page.locator('nav[aria-label="Administration"]').count()).toBe(1);
    }
    await admin.page.goto(at('/admin/policy'));
    await admin.page.fill('#account', 'newbie');
    await admin.page.fill('#service_name', 'mcq');
    await admin.page.click('text="Explain"');
    expect(await admin.page.textContent('#decision')).toBe('allow');
    await admin.page.goto(at('/admin/accounts'));
    await admin.page.fill('#name', 'mcr');
    await admin.page.selectOption('#type', 'system');
    await admin.page.fill('#roles', '');
    await send(admin, '/admin/accounts');
    await admin.page.goto(at('/admin/tokens?account=mcr'));
    await admin.page.fill('#account', 'mcr');
    await send(admin, '/admin/tokens');
    const token = (await admin.page.textContent('#token')) ?? '';
    expect((await mcias.rooms.verifier.verify(token, mcias.clock.nowMs)).ok).toBe(true);
    await admin.page.click('text="Revoke"');
    await admin.page.waitForURL(at('/admin/tokens'));
    expect((await mcias.rooms.verifier.verify(token, mcias.clock.nowMs)).ok).toBe(false);
    await admin.page.goto(at('/admin/sessions?account=newbie'));
    await sees(admin, 'All sessions');
    await admin.page.goto(at('/admin/accounts/newbie'));
    await admin.page.fill('#display_name', 'New Body');
    await send(admin, '/admin/accounts/newbie/profile');
    await admin.page.waitForSelector('#display_name[value="New Body"]');
    for (const roles of ['guest', 'user']) {
      await admin.page.fill('#roles', roles);
      await send(admin, '/admin/accounts/newbie/roles');
      await admin.page.waitForSelector(`#roles[value="${roles}"]`);
    }
    for (const button of ['unlock', 'disable', 'enable', 'delete']) {
      await admin.page.goto(at('/admin/accounts/mcr'));
      await send(admin, `/admin/accounts/mcr/${button}`);
      await sees(admin, button === 'delete' ? 'Accounts' : 'Account mcr');
    }
    await admin.page.goto(at('/admin/policy'));
    await admin.page.click('text="Replace the set"');
    await admin.page.waitForSelector('text="Rules, revision 2"');
    const changes = ['account.roles_set', 'account.disabled', 'account.enabled', 'account.deleted', 'policy.changed'];
    expect(mcias.audited()).toEqual(expect.arrayContaining(changes));
    mcias.clock.nowMs += 16 * 60_000;
    await admin.page.goto(at('/admin/keys'));
    await send(admin, '/admin/keys/rotate');
    await sees(admin, 'Confirm that it is you');

    const owner = await chromium.profile({ javaScriptEnabled: false });
    await owner.page.goto(at('/recover'));
    for (const [id, value] of Object.entries({
      ticket: ticket ?? '',
      password: 'a new password',
      again: 'a new password',
    })) {
      await owner.page.fill(`#${id}`, value);
    }
    await send(owner, '/recover');
    await sees(owner, 'Password set');
    await owner.page.goto(service.origin);
    await owner.page.click('text="Sign in with MCIAS"');
    await fillLogin(owner, 'newbie', 'a new password');
    await owner.page.waitForURL(`${service.origin}/`);
    expect(await owner.page.textContent('body')).toContain('Hello newbie');
    await owner.page.goto(at('/logout'));
    await send(owner, '/logout');
    await sees(owner, 'Logged out');
    await admin.context.close();
    await owner.context.close();
  }, 60_000);

  it('IA-46 IA-76 two services on one host keep their logins apart, and one logout at mcias ends both', async () => {
    await mcias.addPerson('tom', ['user']);
    const profile = await chromium.profile();
    const { page, context } = profile;
    await page.goto(service.origin);
    await page.click('text="Sign in with MCIAS"');
    await fillLogin(profile, 'tom');
    await page.waitForURL(`${service.origin}/`);
    await page.goto(second.origin);
    await page.click('text="Sign in with MCIAS"');
    await page.waitForURL(`${second.origin}/`);
    for (const origin of [service.origin, second.origin]) {
      await page.goto(origin);
      expect(await page.textContent('body')).toContain('Hello tom');
    }
    await page.goto(at('/logout'));
    await send(profile, '/logout');
    for (const { origin, clock } of [service, second]) {
      clock.nowMs += 31_000;
      await page.goto(origin);
      expect(page.url()).toBe(`${origin}/login?return=%2F`);
    }
    const answer = await page.goto(at('/login'));
    const headers = answer?.headers() ?? {};
    expect(headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
        "frame-ancestors 'none'; base-uri 'none'",
    );
    expect([headers['cache-control'], headers['referrer-policy'], headers['x-content-type-options']]).toEqual([
      'no-store',
      'same-origin',
      'nosniff',
    ]);
    await context.close();
  }, 60_000);

  it('IA-75 IA-76 row 35: a hostile page can neither log in for somebody, nor send a form, nor frame a page', async () => {
    await mcias.addPerson('vic', ['user']);
    const profile = await chromium.profile();
    const { page, context } = profile;
    await logIn(mcias, profile, 'vic');
    const hostile = `${service.origin}/hostile`;
    await page.route(hostile, (route) =>
      route.fulfill({
        contentType: 'text/html',
        body: `<h1>hostile</h1><iframe src="${at('/account')}"></iframe>
          <form method="post" action="${at('/logout')}"><input name="everywhere" value="yes"><button id="logout">x</button></form>
          <form method="post" action="${at('/login')}"><input name="username" value="ann"><input name="password" value="${password}"><button id="login">x</button></form>`,
      }),
    );
    for (const button of ['#logout', '#login']) {
      await page.goto(hostile);
      await page.click(button);
      await sees(profile, 'Not allowed');
    }
    await page.goto(hostile);
    expect(page.frames()[1]?.url()).toBe('chrome-error://chromewebdata/');
    await page.goto(at('/account'));
    expect(await page.textContent('dd')).toBe('vic');
    expect(mcias.audited().filter((entry) => entry.startsWith('request.refused csrf'))).toHaveLength(2);
    await context.close();
  }, 60_000);
});
