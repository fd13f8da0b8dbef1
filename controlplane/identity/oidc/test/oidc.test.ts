import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { promisify } from 'node:util';

import * as oidc from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { requireClient } from '../../../../deploy/checks/clients.ts';
import { curl } from '../../../../mcdsl/http/test/fixture.ts';
import { setRoles, updateAccount } from '../../accounts/index.ts';
import { endSessionsOf } from '../../sessions/index.ts';
import { openChromium, type Profile, type TestBrowser } from '../../test-support/browser.ts';
import { accountOf, password, startMcias, type Mcias } from '../../test-support/mcias.ts';

requireClient('/usr/bin/chromium', 'certutil', 'curl');

const app = 'https://app.example.test/cb';
const home = 'https://app.example.test/';
const secret = 'a secret of the application, long enough for anything';
let folder: string;
let mcias: Mcias;
let chromium: TestBrowser;
let web: oidc.Configuration;
let native: oidc.Configuration;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mcias-oidc-'));
  writeFileSync(join(folder, 'secret'), `${secret}\n`, { mode: 0o600 });
  mcias = await startMcias(`
[[oidc_clients]]
client_id = "wiki"
client_secret_file = "${join(folder, 'secret')}"
redirect_uris = ["${app}"]
post_logout_redirect_uris = ["${home}"]
refresh_tokens = true
service_name = "wiki"
[[oidc_clients]]
client_id = "desk"
application_type = "native"
redirect_uris = ["http://127.0.0.1/cb"]
id_token_alg = "EdDSA"
service_name = "desk"
`);
  const { caPath } = mcias.server.tls;
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(caPath, 'utf8')]);
  const issuer = new URL(`${mcias.origin}/oidc`);
  web = await oidc.discovery(issuer, 'wiki', secret, oidc.ClientSecretBasic(secret));
  native = await oidc.discovery(issuer, 'desk', { id_token_signed_response_alg: 'EdDSA' }, oidc.None());
  // Signatures are checked against /oidc/jwks, though the token came over TLS from where it is from.
  for (const config of [web, native]) oidc.enableNonRepudiationChecks(config);
  chromium = await openChromium([caPath]);
  await mcias.addPerson('ann', ['user']);
  const { id, revision } = accountOf(mcias, 'ann');
  mcias.rooms.store.change((w) =>
    updateAccount(w, id, revision, { email: 'ann@example.test', emailVerified: true, groups: ['team:lab'] }, 1),
  );
}, 90_000);

afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]();
  await mcias?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

type Begun = { readonly url: URL; readonly checks: oidc.AuthorizationCodeGrantChecks };

async function begin(
  config: oidc.Configuration,
  redirectUri: string,
  more: Record<string, string> = {},
): Promise<Begun> {
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [oidc.randomState(), oidc.randomNonce()];
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid profile email groups',
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
    ...more,
  });
  return { url, checks: { pkceCodeVerifier, expectedState, expectedNonce } };
}

/** The address of the application that the browser is sent to at the end; nobody listens there. */
async function go({ page }: Profile, url: URL, to: string, act: () => Promise<unknown> = async () => {}): Promise<URL> {
  const arrived = page.waitForRequest((request) => request.url().startsWith(to));
  await page.goto(url.href).catch(() => {});
  await act();
  const request = await arrived;
  // The request itself has no fragment.
  const location = await (await request.redirectedFrom()?.response())?.headerValue('location');
  return new URL(location ?? request.url());
}

const logIn =
  ({ page }: Profile, name = 'ann') =>
  async (): Promise<void> => {
    await page.fill('#username', name);
    await page.fill('#password', password);
    await page.click('form[action="/login"] button');
  };

const refused = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'accepted',
    (error: { error?: string; code?: string }) => error.error ?? error.code ?? String(error),
  );

describe('OpenID Connect', () => {
  it('IA-54 IA-56 IA-59 a confidential client with RS256: login, groups, introspection, revocation, logout', async () => {
    const profile = await chromium.profile();
    const { url, checks } = await begin(web, app);
    const back = await go(profile, url, app, logIn(profile));
    const tokens = await oidc.authorizationCodeGrant(web, back, checks);
    const { sub = '' } = tokens.claims() ?? {};
    expect(tokens.claims()).toMatchObject({ sub: accountOf(mcias, 'ann').id, groups: ['user', 'team:lab'] });
    const header = JSON.parse(Buffer.from(tokens.id_token?.split('.')[0] ?? '', 'base64url').toString()) as object;
    expect(header).toMatchObject({ alg: 'RS256' });
    expect(await oidc.fetchUserInfo(web, tokens.access_token, sub)).toEqual({
      sub,
      preferred_username: 'ann',
      name: 'ann',
      email: 'ann@example.test',
      email_verified: true,
      groups: ['user', 'team:lab'],
    });
    expect(await oidc.tokenIntrospection(web, tokens.access_token)).toMatchObject({ active: true, client_id: 'wiki' });
    await oidc.tokenRevocation(web, tokens.access_token);
    expect(await oidc.tokenIntrospection(web, tokens.access_token)).toEqual({ active: false });
    expect(mcias.audited()).toContain('oidc.authorized');

    const logout = oidc.buildEndSessionUrl(web, {
      post_logout_redirect_uri: home,
      id_token_hint: tokens.id_token ?? '',
      state: 'bye',
    });
    const left = await go(profile, logout, home, () => profile.page.click('text="Log out" >> nth=-1'));
    expect(left.href).toBe(`${home}?state=bye`);
    const after = await profile.context.newPage();
    await after.goto(`${mcias.origin}/account`);
    expect(after.url()).toBe(`${mcias.origin}/login?return=%2Faccount`);
    expect(profile.complaints).toEqual([]);
    await profile.context.close();
  }, 60_000);

  it('IA-54 IA-56 row 33: a public native client with EdDSA comes from any port of loopback, and nothing else passes', async () => {
    const profile = await chromium.profile();
    const port = 'http://127.0.0.1:51234/cb';
    const { url, checks } = await begin(native, port);
    const back = await go(profile, url, port, logIn(profile));
    const wrong = { ...checks, expectedState: 'another' };
    expect(await refused(oidc.authorizationCodeGrant(native, back, wrong))).toBe('OAUTH_INVALID_RESPONSE');
    const foreign = new URL(back);
    foreign.searchParams.set('iss', 'https://other.example.test');
    expect(await refused(oidc.authorizationCodeGrant(native, foreign, checks))).toBe('OAUTH_INVALID_RESPONSE');
    const verifier = { ...checks, pkceCodeVerifier: oidc.randomPKCECodeVerifier() };
    expect(await refused(oidc.authorizationCodeGrant(native, back, verifier))).toBe('invalid_grant');

    const again = await begin(native, port);
    const tokens = await oidc.authorizationCodeGrant(native, await go(profile, again.url, port), again.checks);
    expect(tokens.claims()?.['preferred_username']).toBe('ann');
    const other = await begin(native, port);
    const otherBack = await go(profile, other.url, port);
    const nonce = { ...other.checks, expectedNonce: 'another' };
    expect(await refused(oidc.authorizationCodeGrant(native, otherBack, nonce))).toBe(
      'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
    );

    // The first page may still be on its way to the address where nobody listens.
    const page = await profile.context.newPage();
    for (const [config, uri] of [
      [native, 'http://127.0.0.2:51234/cb'],
      [native, 'http://127.0.0.1:51234/other'],
      [web, 'http://127.0.0.1:51234/cb'],
      [web, `${app}/`],
    ] as const) {
      await page.goto((await begin(config, uri)).url.href);
      expect(page.url()).toContain(`${mcias.origin}/oidc/auth`);
      expect(await page.textContent('[role=alert]')).toContain('redirect_uri');
    }
    await profile.context.close();
  }, 60_000);

  it('IA-55 row 32: no other response type, no other PKCE, no registration', async () => {
    const profile = await chromium.profile();
    for (const type of ['token', 'id_token', 'code id_token', 'none']) {
      const { url } = await begin(web, app, { response_type: type });
      const back = await go(profile, url, app);
      const parameters = new URLSearchParams(back.hash === '' ? back.search : back.hash.slice(1));
      expect(parameters.get('error')).toBe('unsupported_response_type');
    }
    const { url } = await begin(web, app);
    const plain = new URL(url);
    plain.searchParams.set('code_challenge_method', 'plain');
    url.searchParams.delete('code_challenge');
    url.searchParams.delete('code_challenge_method');
    for (const bad of [plain, url]) {
      expect((await go(profile, bad, app)).searchParams.get('error')).toBe('invalid_request');
    }
    const metadata = web.serverMetadata();
    expect(metadata.issuer).toBe(`${mcias.origin}/oidc`);
    expect([metadata.response_types_supported, metadata.registration_endpoint]).toEqual([['code'], undefined]);
    expect(metadata.code_challenge_methods_supported).toEqual(['S256']);
    await profile.context.close();
  }, 60_000);

  it('IA-58 policy is asked at the login and at each refresh', async () => {
    await mcias.addPerson('guy', ['guest']);
    await mcias.addPerson('ulf', ['user']);
    const profile = await chromium.profile();
    const denied = await begin(web, app);
    const answer = await go(profile, denied.url, app, logIn(profile, 'guy'));
    expect(answer.searchParams.get('error')).toBe('access_denied');
    expect(answer.searchParams.get('error_description')).toBe('no_match');
    await profile.context.clearCookies();

    const { url, checks } = await begin(web, app);
    const back = await go(profile, url, app, logIn(profile, 'ulf'));
    const tokens = await oidc.authorizationCodeGrant(web, back, checks);
    const { id, revision } = accountOf(mcias, 'ulf');
    mcias.rooms.store.change((w) => setRoles(w, id, revision, ['guest'], 'test', mcias.clock.nowMs));
    expect(await refused(oidc.refreshTokenGrant(web, tokens.refresh_token ?? ''))).toBe('invalid_grant');
    await profile.context.close();
  }, 60_000);

  it('IA-86 IA-57 row 34: a refresh token rotates, may repeat within the grace, and takes its grant along after it; so does its session', async () => {
    const profile = await chromium.profile();
    const first = await begin(web, app);
    const tokens = await oidc.authorizationCodeGrant(
      web,
      await go(profile, first.url, app, logIn(profile)),
      first.checks,
    );
    const second = await begin(web, app, { prompt: 'consent' });
    const others = await oidc.authorizationCodeGrant(web, await go(profile, second.url, app), second.checks);
    const old = tokens.refresh_token ?? '';
    const next = await oidc.refreshTokenGrant(web, old);
    expect(next.refresh_token).not.toBe(old);
    mcias.clock.nowMs += 9_000;
    expect(await refused(oidc.refreshTokenGrant(web, old))).toBe('accepted');
    mcias.clock.nowMs += 2_000;
    expect(await refused(oidc.refreshTokenGrant(web, old))).toBe('invalid_grant');
    expect(mcias.audited()).toContain('oidc.refused refresh_reuse');
    expect(await refused(oidc.refreshTokenGrant(web, next.refresh_token ?? ''))).toBe('invalid_grant');

    const third = await begin(web, app);
    const more = await oidc.authorizationCodeGrant(web, await go(profile, third.url, app), third.checks);
    const rows = mcias.rooms.store.reader.all<{ text: string }>(
      "SELECT hex(h_id) || hex(s_payload) || coalesce(hex(h_grant), '') AS text FROM oidc_items",
    );
    const stored = rows.map(({ text }) => Buffer.from(text, 'hex').toString('latin1')).join('\n');
    for (const token of [more.refresh_token ?? '', more.access_token]) expect(stored).not.toContain(token);
    const { id } = accountOf(mcias, 'ann');
    mcias.rooms.store.change((w) => endSessionsOf(w, id, 'revoked', mcias.clock.nowMs));
    expect(await refused(oidc.refreshTokenGrant(web, more.refresh_token ?? ''))).toBe('invalid_grant');
    expect(await oidc.tokenIntrospection(web, more.access_token)).toEqual({ active: false });
    expect(others.refresh_token).toBeDefined();
    const sql = 'SELECT count(*) AS n FROM oidc_items WHERE account_id = ?';
    expect(mcias.rooms.store.reader.get<{ n: number }>(sql, [id])?.n).toBe(0);
    await profile.context.close();
  }, 60_000);

  it('IA-60 without clients the provider is not loaded, and nothing is served', async () => {
    const script = `import { registerHooks } from 'node:module';
      registerHooks({ resolve(name, context, next) { if (name === 'oidc-provider') console.log('loaded'); return next(name, context); } });
      await import('./controlplane/identity/server.ts');
      console.log('done');`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout).toBe('done\n');
    await using bare = await startMcias();
    expect((await curl(bare.server, '/oidc/.well-known/openid-configuration')).status).toBe(404);
    expect((await curl(mcias.server, '/oidc/.well-known/openid-configuration')).status).toBe(200);
  }, 60_000);
});
