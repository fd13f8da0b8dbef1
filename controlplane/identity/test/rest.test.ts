import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { requireClient } from '../../../deploy/checks/clients.ts';
import { createSoftwareAuthenticator } from '../factors/webauthn/test/software-authenticator.ts';
import { totpCode, totpStep } from '../factors/totp.ts';
import { createCurlClient } from '../test-support/curl-client.ts';
import { said, textOf, type Body, type RestClient } from '../test-support/rest-client.ts';
import {
  createMciasFolder,
  decodeBase32,
  testPassword,
  type MciasFolder,
  type RunningMcias,
} from '../test-support/running-mcias.ts';

const [curl = 'curl'] = requireClient('curl');
const config = `
[auth]
admin_requires_mfa = false
[policy]
explain_accounts = ["mcat"]
[[sso_clients]]
client_id = "mcq"
redirect_uri = "https://mcq.example.test/sso/callback"
service_name = "mcq"
`;

let folder: MciasFolder;
let mcias: RunningMcias;
let rest: RestClient;
let admin: string;

beforeAll(async () => {
  folder = await createMciasFolder(config);
  await folder.addPerson('root', ['admin']);
  await folder.addPerson('ann', ['user']);
  await folder.addService('mcat');
  mcias = await folder.start();
  rest = createCurlClient(curl, mcias, folder.caFile);
  admin = await login('root');
});
afterAll(async () => {
  await mcias[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

async function login(username: string, password = testPassword, service_name = 'mcias'): Promise<string> {
  return textOf(await rest.post('/v1/auth/login', { username, password, service_name }), 'token');
}

/** A new person with a token, so that tests do not stand in each other's way. */
async function newPerson(name: string): Promise<{ token: string; password: string }> {
  const created = await rest.post('/v1/accounts', { name, type: 'human', roles: ['user'] }, admin);
  const { ticket } = created.body['reset'] as { ticket: string };
  const password = `first password of ${name}`;
  expect((await rest.post('/v1/recover', { ticket, new_password: password })).status).toBe(204);
  return { token: await login(name, password), password };
}

async function accountOf(name: string): Promise<Body> {
  return (await rest.get(`/v1/accounts/${name}`, admin)).body;
}

describe('REST, by curl', () => {
  it('health and keys are for anyone', async () => {
    expect((await rest.get('/v1/health')).body).toMatchObject({ status: 'ok' });
    const jwks = await rest.get('/.well-known/jwks.json');
    expect(jwks.headers['content-type']).toBe('application/jwk-set+json');
    expect(jwks.body['keys']).toMatchObject([{ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig' }]);
  });

  it('accounts: list, create, read, change, roles, disable, enable, unlock, reset, delete', async () => {
    const made = await rest.post(
      '/v1/accounts',
      {
        name: 'Bob',
        type: 'human',
        roles: ['guest'],
        display_name: 'Bob B.',
        email: 'bob@example.org',
        groups: ['team:lab'],
      },
      admin,
    );
    expect(made).toMatchObject({ status: 201, body: { account: { name: 'bob', revision: 1 }, reset: {} } });
    expect(await accountOf('bob')).toMatchObject({ display_name: 'Bob B.', status: 'enabled', roles: ['guest'] });
    const list = await rest.get('/v1/accounts?limit=1', admin);
    expect(list.body).toMatchObject({ accounts: [{ name: 'ann' }], next_cursor: 'ann' });
    const next = await rest.get('/v1/accounts?limit=1&cursor=ann', admin);
    expect(next.body).toMatchObject({ accounts: [{ name: 'bob' }] });

    const patched = await rest.send('PATCH', '/v1/accounts/bob', { revision: 1, email_verified: true }, admin);
    expect(patched.body).toMatchObject({ email_verified: true, revision: 2 });
    const stale = await rest.send('PATCH', '/v1/accounts/bob', { revision: 1, display_name: 'x' }, admin);
    expect(said(stale)).toBe('409 conflict');
    expect(stale.body.error?.details).toMatchObject({ revision: 2 });
    const roles = await rest.send('PUT', '/v1/accounts/bob/roles', { revision: 2, roles: ['user'] }, admin);
    expect(roles.body).toMatchObject({ roles: ['user'], revision: 3 });
    expect((await rest.post('/v1/accounts/bob/disable', { revision: 3 }, admin)).body).toMatchObject({
      status: 'disabled',
    });
    expect((await rest.post('/v1/accounts/bob/enable', { revision: 4 }, admin)).body).toMatchObject({
      status: 'enabled',
    });
    expect((await rest.post('/v1/accounts/bob/unlock', {}, admin)).body).toMatchObject({ name: 'bob' });
    expect(textOf(await rest.post('/v1/accounts/bob/reset', {}, admin), 'ticket')).toMatch(/^[\w-]{43}$/);
    expect((await rest.send('DELETE', '/v1/accounts/bob?revision=5', undefined, admin)).status).toBe(204);
    expect(said(await rest.get('/v1/accounts/bob', admin))).toBe('404 not_found');
    const again = await rest.post('/v1/accounts', { name: 'bob', type: 'system' }, admin);
    expect(said(again)).toBe('409 already_exists');
  });

  it('IA-38 tokens of system accounts: issued once, listed, validated everywhere but at management, revoked', async () => {
    const made = await rest.post('/v1/accounts', { name: 'mcr', type: 'system' }, admin);
    expect(made.body).not.toHaveProperty('reset');
    const issued = await rest.post('/v1/token/issue', { account: 'mcr', ttl: '720h', label: 'registry' }, admin);
    const token = textOf(issued, 'token');
    const listed = await rest.get('/v1/tokens?account=mcr&expiring_within=721h', admin);
    expect(listed.body['tokens']).toMatchObject([{ account: 'mcr', label: 'registry', audience: ['platform'] }]);
    expect((await rest.get('/v1/tokens?account=mcr&expiring_within=1h', admin)).body['tokens']).toEqual([]);
    const valid = await rest.post('/v1/token/validate', { token, service_name: 'metacrypt' });
    expect(valid.body).toMatchObject({ valid: true, account_type: 'system', roles: [] });
    expect((await rest.post('/v1/token/validate', { token, service_name: 'mcias' })).body).toEqual({
      valid: false,
      reason: 'wrong_audience',
    });
    expect(said(await rest.get('/v1/accounts', token))).toBe('403 permission_denied');
    const renewed = await rest.post('/v1/token/renew', {}, token);
    expect(renewed.body).toMatchObject({ account: { name: 'mcr', type: 'system' } });
    const { token_id: tokenId } = issued.body;
    expect((await rest.post('/v1/token/revoke', { token_id: tokenId }, admin)).body).toEqual({ revoked: 2 });
    const gone = await rest.post('/v1/token/validate', { token, service_name: 'metacrypt' });
    expect(gone.body).toEqual({ valid: false, reason: 'revoked' });
    const login = await rest.post('/v1/auth/login', { username: 'mcr', password: 'x'.repeat(12), service_name: 'mcq' });
    expect(said(login)).toBe('401 invalid_credentials');
  });

  it('one’s own profile, password, and the end of other sessions', async () => {
    const { token, password } = await newPerson('carol');
    const other = await login('carol', password);
    expect((await rest.send('PATCH', '/v1/me', { display_name: 'Carol' }, token)).body).toMatchObject({
      display_name: 'Carol',
      has_password: true,
      has_totp: false,
    });
    const weak = await rest.send('PUT', '/v1/me/password', { new: 'short' }, token);
    expect(said(weak)).toBe('400 invalid_argument');
    expect((await rest.send('PUT', '/v1/me/password', { new: 'another password' }, token)).status).toBe(204);
    expect(said(await rest.get('/v1/me', other))).toBe('401 invalid_token');
    expect((await rest.get('/v1/me', token)).body).toMatchObject({ name: 'carol' });
    expect(said(await rest.post('/v1/auth/login', { username: 'carol', password, service_name: 'mcias' }))).toBe(
      '401 invalid_credentials',
    );
  });

  it('IA-17 IA-24 TOTP and recovery codes: enrol, log in with each, remove', async () => {
    const { token, password } = await newPerson('dora');
    const begun = await rest.post('/v1/me/totp', {}, token);
    expect(textOf(begun, 'qr_svg')).toContain('<svg');
    const secret = decodeBase32(textOf(begun, 'secret'));
    const code = (offset: number) => totpCode(secret, totpStep(Date.now()) + offset);
    expect(said(await rest.post('/v1/me/totp/confirm', { code: '000000' }, token))).toBe('401 invalid_credentials');
    expect((await rest.post('/v1/me/totp/confirm', { code: code(-1) }, token)).status).toBe(204);
    const codes = (await rest.post('/v1/me/recovery-codes', {}, token)).body['codes'] as string[];
    expect(codes).toHaveLength(10);

    const asked = await rest.post('/v1/auth/login', { username: 'dora', password, service_name: 'mcq' });
    expect(said(asked)).toBe('401 mfa_required');
    expect(asked.body.error?.details).toMatchObject({ methods: ['totp', 'recovery_code'] });
    const ticket = asked.body.error?.details['mfa_ticket'];
    const granted = await rest.post('/v1/auth/mfa', { mfa_ticket: ticket, totp_code: code(0) });
    expect(granted.body).toMatchObject({ account: { name: 'dora' } });
    const once = { username: 'dora', password, service_name: 'mcq', recovery_code: codes[0] };
    expect(said(await rest.post('/v1/auth/login', once))).toBe('200');
    expect(said(await rest.post('/v1/auth/login', once))).toBe('401 invalid_credentials');
    expect((await rest.get('/v1/accounts/dora/factors', admin)).body['factors']).toMatchObject([
      { id: 'password' },
      { id: 'totp' },
      { id: 'recovery_codes', left: 9 },
    ]);
    expect((await rest.send('DELETE', '/v1/me/totp', undefined, token)).status).toBe(204);
    expect(said(await rest.send('DELETE', '/v1/me/totp', undefined, token))).toBe('404 not_found');
  });

  it('IA-19 passkeys: register, list, rename, log in, second factor, step up, remove', async () => {
    const { token, password } = await newPerson('emil');
    const authenticator = createSoftwareAuthenticator('https://mcias.example.test');
    type Options = { ticket: string; public_key: never };
    const begun = (await rest.post('/v1/me/passkeys/options', {}, token)).body as unknown as Options;
    const response = authenticator.create(begun.public_key);
    const added = await rest.post('/v1/me/passkeys', { ticket: begun.ticket, response, name: 'key' }, token);
    expect(added).toMatchObject({ status: 201, body: { name: 'key', kind: 'passkey' } });
    const id = textOf(added, 'id');
    const renamed = await rest.send('PATCH', `/v1/me/passkeys/${id}`, { name: 'laptop' }, token);
    expect(renamed.body).toMatchObject({ name: 'laptop' });
    expect((await rest.get('/v1/me/passkeys', token)).body['passkeys']).toMatchObject([{ id, name: 'laptop' }]);

    const asked = (await rest.post('/v1/auth/passkey/options', {})).body as unknown as Options;
    const proof = { ticket: asked.ticket, response: authenticator.get(asked.public_key), service_name: 'mcias' };
    const granted = await rest.post('/v1/auth/passkey/verify', proof);
    const fresh = textOf(granted, 'token');
    expect(said(await rest.post('/v1/auth/passkey/verify', proof))).toBe('401 invalid_credentials');

    const second = await rest.post('/v1/auth/login', { username: 'emil', password, service_name: 'mcq' });
    const details = second.body.error?.details as { mfa_ticket: string; public_key: never };
    const answer = { mfa_ticket: details.mfa_ticket, response: authenticator.get(details.public_key) };
    expect(said(await rest.post('/v1/auth/mfa', answer))).toBe('200');

    const stepping = (await rest.post('/v1/auth/passkey/options', {}, fresh)).body as unknown as Options;
    const stepped = await rest.post(
      '/v1/auth/step-up',
      { ticket: stepping.ticket, response: authenticator.get(stepping.public_key) },
      fresh,
    );
    const sensitive = textOf(stepped, 'token');
    expect((await rest.send('DELETE', `/v1/me/passkeys/${id}`, undefined, sensitive)).status).toBe(204);
    expect((await rest.get('/v1/me', sensitive)).body).toMatchObject({ passkeys: 0 });
  });

  it('an admin takes a factor away, and the account’s sessions end', async () => {
    const { token } = await newPerson('fred');
    const removed = await rest.send('DELETE', '/v1/accounts/fred/factors/password', undefined, admin);
    expect(said(removed)).toBe('409 last_factor');
    const begun = await rest.post('/v1/me/totp', {}, token);
    const code = totpCode(decodeBase32(textOf(begun, 'secret')), totpStep(Date.now()));
    await rest.post('/v1/me/totp/confirm', { code }, token);
    expect((await rest.send('DELETE', '/v1/accounts/fred/factors/totp', undefined, admin)).status).toBe(204);
    expect(said(await rest.get('/v1/me', token))).toBe('401 invalid_token');
  });

  it('IA-46 sessions: listed, ended one by one, and all at once by logout', async () => {
    const { token, password } = await newPerson('gina');
    const second = await login('gina', password, 'mcq');
    const listed = (await rest.get('/v1/sessions', token)).body['sessions'] as {
      session_id: string;
      services: string[];
    }[];
    expect(listed).toHaveLength(2);
    const other = listed.find(({ services }) => services.includes('mcq'));
    expect((await rest.send('DELETE', `/v1/sessions/${other?.session_id}`, undefined, token)).status).toBe(204);
    const ended = await rest.post('/v1/token/validate', { token: second, service_name: 'mcq' });
    expect(ended.body).toMatchObject({ valid: false, reason: 'revoked' });
    const foreign = (await rest.get('/v1/sessions?account=root', admin)).body['sessions'] as { session_id: string }[];
    const theirs = foreign[0]?.session_id ?? '';
    expect(said(await rest.send('DELETE', `/v1/sessions/${theirs}`, undefined, token))).toBe('404 not_found');
    expect(said(await rest.get('/v1/sessions?account=root', token))).toBe('403 permission_denied');
    expect((await rest.post('/v1/auth/logout', { everywhere: true }, token)).status).toBe(204);
    expect(said(await rest.get('/v1/me', token))).toBe('401 invalid_token');
  });

  it('IA-31 policy: read, replace, rules one by one, explain', async () => {
    const { body } = await rest.get('/v1/policy', admin);
    const { rules, revision } = body as unknown as { rules: object[]; revision: number };
    expect(rules).toHaveLength(2);
    const draft = { priority: 100, effect: 'deny', roles: ['guest'], tags: ['env:restricted'] };
    const made = await rest.post('/v1/policy/rules', { rule: draft, revision }, admin);
    expect(made.status).toBe(201);
    const { id } = made.body['rule'] as { id: number };
    expect((await rest.get(`/v1/policy/rules/${id}`, admin)).body).toMatchObject({
      rule: draft,
      revision: revision + 1,
    });
    expect((await rest.get('/v1/policy/rules?limit=1', admin)).body).toMatchObject({
      rules: [{ id: 1 }],
      next_cursor: '1',
    });
    const stale = await rest.send('PUT', `/v1/policy/rules/${id}`, { rule: draft, revision }, admin);
    expect(said(stale)).toBe('409 conflict');
    const put = await rest.send(
      'PUT',
      `/v1/policy/rules/${id}`,
      { rule: { ...draft, enabled: false }, revision: revision + 1 },
      admin,
    );
    expect(put.body).toMatchObject({ rule: { enabled: false }, revision: revision + 2 });
    const gone = await rest.send('DELETE', `/v1/policy/rules/${id}?revision=${revision + 2}`, undefined, admin);
    expect(gone.body).toEqual({ revision: revision + 3 });
    const replaced = await rest.send('PUT', '/v1/policy', { rules, revision: revision + 3 }, admin);
    expect(replaced.body).toMatchObject({ rules, revision: revision + 4 });
    const why = await rest.post('/v1/policy/explain', { account: 'ann', service_name: 'mcq' }, admin);
    expect(why.body).toMatchObject({
      decision: 'allow',
      reason: 'rule_allow',
      rule_id: 1,
      trace: [{ rule_id: 1, matched: true }, {}],
    });
    const supposed = { account_type: 'human', roles: ['guest'], service_name: 'mcq' };
    expect((await rest.post('/v1/policy/explain', supposed, admin)).body).toMatchObject({
      decision: 'deny',
      reason: 'no_match',
    });
  });

  it('dry_run: a system account of explain_accounts learns the decision, and nobody gets a token', async () => {
    const mcat = textOf(await rest.post('/v1/token/issue', { account: 'mcat', label: 'web' }, admin), 'token');
    const attempt = { username: 'ann', password: testPassword, service_name: 'mcq', dry_run: true };
    const dry = await rest.post('/v1/auth/login', attempt, mcat);
    expect(dry.body).toMatchObject({ policy: { decision: 'allow', reason: 'rule_allow', rule_id: 1 } });
    expect(dry.body).not.toHaveProperty('token');
    const ann = await login('ann');
    expect(said(await rest.post('/v1/auth/login', attempt, ann))).toBe('403 permission_denied');
    expect(said(await rest.post('/v1/auth/login', attempt))).toBe('403 permission_denied');
  });

  it('audit, keys and clients', async () => {
    const entries = await rest.get('/v1/audit?event=account.created&limit=1', admin);
    expect(entries.body['entries']).toMatchObject([{ actor: 'root', event: 'account.created' }]);
    const since = await rest.get(`/v1/audit?since=${encodeURIComponent('2199-01-01T00:00:00Z')}`, admin);
    expect(since.body).toEqual({ entries: [], next_cursor: null });
    expect((await rest.get('/v1/audit?account=ann', admin)).body['entries']).not.toEqual([]);

    expect((await rest.post('/v1/keys/rotate', {}, admin)).body['keys']).toMatchObject([
      { state: 'valid' },
      { state: 'pending' },
    ]);
    expect((await rest.get('/.well-known/jwks.json')).body['keys']).toHaveLength(2);
    const { keys } = (await rest.get('/v1/keys', admin)).body as unknown as { keys: { kid: string; state: string }[] };
    const pending = keys.find(({ state }) => state === 'pending')?.kid;
    expect((await rest.post(`/v1/keys/${pending}/revoke`, {}, admin)).body).toMatchObject({
      key: { state: 'revoked' },
    });
    expect(said(await rest.post('/v1/keys/nokey/revoke', {}, admin))).toBe('404 not_found');
    expect((await rest.get('/v1/sso/clients', admin)).body).toEqual({
      clients: [
        {
          client_id: 'mcq',
          kind: 'sso',
          redirect_uris: ['https://mcq.example.test/sso/callback'],
          service_name: 'mcq',
          tags: [],
        },
      ],
    });
    const code = {
      code: 'x',
      client_id: 'mcq',
      redirect_uri: 'https://mcq.example.test/sso/callback',
      code_verifier: 'y',
    };
    expect(said(await rest.post('/v1/sso/token', code))).toBe('400 invalid_grant');
  });
});
