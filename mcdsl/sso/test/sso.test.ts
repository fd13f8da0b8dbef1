import { describe, expect, it } from 'vitest';

import { requireClient } from '../../../deploy/checks/clients.ts';
import { ann, startStandIn } from '../../auth/test/stand-in.ts';
import { openBrowser, startService } from './relying-service.ts';
import type { Browser } from './curl-browser.ts';
import type { RelyingService } from './relying-service.ts';

requireClient('curl');

/** From a page to the login, through mcias, and back. */
async function logIn(browser: Browser, service: RelyingService, path = '/') {
  const login = await browser.follow(`${service.origin}${path}`);
  expect(login.url).toContain('/login?return=');
  const href = /href="(\/sso\/redirect[^"]*)"/.exec(login.body)?.[1]?.replaceAll('&amp;', '&') ?? '';
  return browser.follow(`${service.origin}${href}`);
}

describe('single sign-on of a service', () => {
  it('IA-47 PF-44 goes from a page to the login, to mcias, back with a session, and to the page', async () => {
    await using standIn = await startStandIn();
    await using service = await startService(standIn);
    const browser = openBrowser(standIn, service);
    const page = await logIn(browser, service, '/page?q=a%20b');
    expect([page.status, page.url]).toEqual([200, `${service.origin}/page?q=a%20b`]);
    expect(page.body).toContain('Hello ann');
    expect(browser.cookie('__Host-demo-sso')).toBeNull();
    expect(standIn.tokens.has(browser.cookie('__Host-demo-session') ?? '')).toBe(true);
    expect((await browser.open(`${service.origin}/`)).status).toBe(200);
    expect(standIn.calls).toContain('authorize demo ');
  });

  it('IA-52 begins with a state, an S256 challenge and cookies that scripts and other hosts do not see', async () => {
    await using standIn = await startStandIn();
    await using service = await startService(standIn);
    const browser = openBrowser(standIn, service);
    const sent = await browser.open(`${service.origin}/sso/redirect?return=/page`);
    const to = new URL(sent.location ?? '');
    expect(to.origin + to.pathname).toBe(`${standIn.server.origin}/sso/authorize`);
    expect(Object.fromEntries(to.searchParams)).toEqual({
      response_type: 'code',
      client_id: 'demo',
      redirect_uri: `${service.origin}/sso/callback`,
      state: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
    expect(sent.cookies).toEqual([
      expect.stringMatching(/^__Host-demo-sso=[\w-]+; Path=\/; Max-Age=600; Secure; HttpOnly; SameSite=Lax$/),
    ]);
  });

  it('IA-52 row 30: a callback in another browser, changed, late, of another issuer or repeated is a page without a session', async () => {
    await using standIn = await startStandIn();
    await using service = await startService(standIn);
    const callbackFor = async (browser: Browser): Promise<URL> => {
      const sent = await browser.open(`${service.origin}/sso/redirect`);
      return new URL((await browser.open(sent.location ?? '')).location ?? '');
    };
    const refused = async (browser: Browser, url: URL, reason: string) => {
      const page = await browser.open(url.href);
      expect([page.status, page.location]).toEqual([400, null]);
      expect(page.body).toContain(`Reason: ${reason}.`);
      expect(page.cookies.filter((line) => line.startsWith('__Host-demo-session='))).toEqual([]);
    };
    const mine = openBrowser(standIn, service);
    const theirs = openBrowser(standIn, service);
    await refused(theirs, await callbackFor(mine), 'state_mismatch');
    await callbackFor(theirs);
    await refused(theirs, await callbackFor(mine), 'state_mismatch');

    const changed = await callbackFor(mine);
    changed.searchParams.set('state', 'x'.repeat(43));
    await refused(mine, changed, 'state_mismatch');
    for (const issuer of ['https://evil.test', `${standIn.server.origin}/`]) {
      const foreign = await callbackFor(mine);
      foreign.searchParams.set('iss', issuer);
      await refused(mine, foreign, 'iss_mismatch');
    }
    const late = await callbackFor(mine);
    service.clock.nowMs += 600_000;
    await refused(mine, late, 'state_mismatch');
    const failed = await callbackFor(mine);
    failed.searchParams.delete('code');
    failed.searchParams.set('error', 'invalid_request');
    await refused(mine, failed, 'sso_error');

    const used = await callbackFor(mine);
    expect((await mine.open(used.href)).location).toBe('/');
    await refused(mine, used, 'state_mismatch');
    // The code of one login does not fit the verifier of another (IA-48).
    const one = await callbackFor(theirs);
    const two = await callbackFor(theirs);
    two.searchParams.set('code', one.searchParams.get('code') ?? '');
    await refused(theirs, two, 'invalid_grant');
  });

  it('IA-53 a denial names its reason, offers another account and goes no further', async () => {
    await using standIn = await startStandIn();
    await using service = await startService(standIn);
    const browser = openBrowser(standIn, service);
    standIn.signedIn = null;
    const page = await logIn(browser, service);
    expect([page.status, page.location]).toEqual([403, null]);
    expect(page.body).toContain('Reason: access_denied.');
    expect(page.body).toContain('href="/sso/redirect?prompt=login"');
    standIn.signedIn = ann;
    expect((await browser.follow(`${service.origin}/sso/redirect?prompt=login`)).body).toContain('Hello ann');
    expect(standIn.calls).toContain('authorize demo login');
    // A policy that changes while the session lives; and a page that is not for everyone.
    expect((await browser.follow(`${service.origin}/admin`)).status).toBe(403);
    standIn.tokens.get(browser.cookie('__Host-demo-session') ?? '')!.reason = 'rule_deny';
    service.clock.nowMs += 30_000;
    const denied = await browser.follow(`${service.origin}/`);
    expect([denied.status, denied.url]).toEqual([403, `${service.origin}/`]);
    expect(denied.body).toContain('Reason: rule_deny.');
  });

  it('IA-46 IA-80 PF-44 a session that ended at mcias ends here within 30 s, and its cookie goes', async () => {
    await using standIn = await startStandIn();
    await using service = await startService(standIn);
    const browser = openBrowser(standIn, service);
    await logIn(browser, service);
    standIn.tokens.get(browser.cookie('__Host-demo-session') ?? '')!.reason = 'revoked';
    service.clock.nowMs += 30_000;
    const page = await browser.open(`${service.origin}/page`);
    expect([page.status, page.location]).toEqual([303, '/login?return=%2Fpage']);
    expect(browser.cookie('__Host-demo-session')).toBeNull();
    const form = await browser.submit(`${service.origin}/note`, { text: 'a' });
    expect([form.status, form.location]).toEqual([401, null]);
    const part = await browser.open(`${service.origin}/`, '-H', 'HX-Request: true');
    expect([part.status, part.headers]).toEqual([401, expect.stringMatching(/^hx-redirect: \/login/im)]);
  });

  it('IA-80 renews after half the life of the token, once for requests that come together', async () => {
    await using standIn = await startStandIn();
    await using service = await startService(standIn);
    const browser = openBrowser(standIn, service);
    await logIn(browser, service);
    const first = browser.cookie('__Host-demo-session');
    service.clock.nowMs += 1_700_000;
    await browser.open(`${service.origin}/`);
    expect(browser.cookie('__Host-demo-session')).toBe(first);
    service.clock.nowMs += 200_000;
    const tabs = await Promise.all(
      Array.from({ length: 4 }, () => {
        const tab = openBrowser(standIn, service);
        return tab.open(`${service.origin}/`, '-H', `Cookie: __Host-demo-session=${first}`);
      }),
    );
    const renewed = new Set(tabs.map(({ cookies }) => cookies[0]));
    expect(renewed.size).toBe(1);
    expect([...renewed][0]).not.toContain(first);
    expect(standIn.calls.filter((call) => call.startsWith('renew'))).toHaveLength(1);
  });

  it('PF-45 takes a form only with the value that its own session was shown', async () => {
    await using standIn = await startStandIn();
    await using service = await startService(standIn);
    const mine = openBrowser(standIn, service);
    const theirs = openBrowser(standIn, service);
    const { csrf } = await logIn(mine, service);
    const other = await logIn(theirs, service);
    const note = `${service.origin}/note`;
    expect((await mine.submit(note, { csrf, text: 'mine' })).location).toBe('/');
    expect((await mine.submit(note, { csrf: other.csrf, text: 'theirs' })).status).toBe(403);
    expect((await mine.submit(note, { text: 'none' })).status).toBe(403);
    expect((await mine.open(note, '-H', 'Sec-Fetch-Site: cross-site', '-d', `csrf=${csrf}&text=cross`)).status).toBe(
      403,
    );
    expect(service.notes).toEqual(['mine']);
  });

  it('PF-44 logs out at mcias and here, by a form of ours only; here alone when mcias is away', async () => {
    await using standIn = await startStandIn();
    await using service = await startService(standIn);
    const browser = openBrowser(standIn, service);
    const { csrf } = await logIn(browser, service);
    const logout = `${service.origin}/logout`;
    expect((await browser.submit(logout, { other: 'x' })).status).toBe(400);
    expect((await browser.submit(logout, { csrf: 'x' })).status).toBe(403);
    const token = browser.cookie('__Host-demo-session') ?? '';
    expect((await browser.submit(logout, { csrf })).location).toBe('/login');
    expect(browser.cookie('__Host-demo-session')).toBeNull();
    expect(standIn.tokens.get(token)?.reason).toBe('revoked');
    const replayed = await browser.open(`${service.origin}/`, '-H', `Cookie: __Host-demo-session=${token}`);
    expect(replayed.status).toBe(303);

    await logIn(browser, service);
    await standIn.server.server[Symbol.asyncDispose]();
    service.clock.nowMs += 30_000;
    const away = await browser.open(`${service.origin}/`);
    expect([away.status, away.location]).toEqual([503, null]);
    expect(browser.cookie('__Host-demo-session')).not.toBeNull();
    expect((await browser.open(logout, '-d', 'csrf=x', '-H', 'Origin: https://evil.test')).status).toBe(403);
    expect((await browser.submit(logout, { csrf: 'x' })).location).toBe('/login');
    expect(browser.cookie('__Host-demo-session')).toBeNull();
  });

  it('keeps the logins of two services on one host apart', async () => {
    await using standIn = await startStandIn();
    await using one = await startService(standIn);
    await using two = await startService(standIn, { name: 'other' });
    const browser = openBrowser(standIn, one, two);
    await logIn(browser, one);
    await logIn(browser, two);
    expect((await browser.open(`${one.origin}/`)).body).toContain('Hello ann');
    expect((await browser.open(`${two.origin}/`)).body).toContain('Hello ann');
  });

  it('IA-80 says over plain HTTP that it needs HTTPS, and sets no cookie', async () => {
    await using standIn = await startStandIn();
    await using service = await startService(standIn, { plain: true });
    const browser = openBrowser(standIn, service);
    for (const path of ['/', '/login', '/sso/redirect', '/sso/callback?state=a']) {
      const page = await browser.open(`${service.origin}${path}`);
      expect([path, page.status, page.location, page.cookies]).toEqual([path, 400, null, []]);
      expect(page.body).toContain('<h1>This page needs HTTPS</h1>');
    }
  });

  it('row 31: follows no return path to elsewhere', async () => {
    await using standIn = await startStandIn();
    await using service = await startService(standIn);
    const browser = openBrowser(standIn, service);
    for (const evil of ['https://evil.test', '//evil.test', '/\\evil.test']) {
      const page = await browser.follow(`${service.origin}/sso/redirect?return=${encodeURIComponent(evil)}`);
      expect([page.status, page.url]).toEqual([200, `${service.origin}/`]);
    }
    const lines = service.server.logger.lines.filter(({ fields }) => fields['return_path'] === 'bad_return_path');
    expect(lines).toHaveLength(3);
  });
});
