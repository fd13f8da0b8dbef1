import https from 'node:https';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { findAccountByName, setRoles } from '../accounts/index.ts';
import { listPasskeys } from '../factors/index.ts';
import { endSessionsOf } from '../sessions/index.ts';
import { writeMeta } from '../store/index.ts';
import { reasonsOf } from '../test-support/counted.ts';
import { createRestClient, said, textOf, type RestAnswer, type RestClient } from '../test-support/rest-client.ts';
import { createMciasFolder, testPassword, type MciasFolder, type RunningMcias } from '../test-support/running-mcias.ts';

const service = 'https://mcq.example.test/sso/callback';

let folder: MciasFolder;
let mcias: RunningMcias;
let rest: RestClient;
let code: (offset?: number) => string;

beforeAll(async () => {
  folder = await createMciasFolder(`
[[sso_clients]]
client_id = "mcq"
redirect_uri = "${service}"
service_name = "mcq"
[[oidc_clients]]
client_id = "app"
auth_method = "none"
redirect_uris = ["https://app.example.test/cb"]
service_name = "app"
`);
  await folder.addPerson('ann', ['user']);
  await folder.addPerson('root', ['admin']);
  code = await folder.enrolTotp(await folder.addPerson('eve', ['admin']));
  mcias = await folder.start();
  rest = createRestClient(mcias, folder.caPem);
});
afterAll(async () => {
  rest?.[Symbol.dispose]();
  await mcias?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
});

const fromPage = { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' };

/** A request whose body stops half way until `meanwhile` is done. */
async function slowly(
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  meanwhile: () => Promise<unknown>,
): Promise<{ readonly status: number; readonly location: string }> {
  const sent = https.request(`${mcias.url}${path}`, {
    agent: false,
    ca: folder.caPem,
    method: 'POST',
    headers: { ...headers, 'content-length': Buffer.byteLength(body) },
  });
  const answered = new Promise<{ readonly status: number; readonly location: string }>((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0, location: response.headers.location ?? '' });
    });
  });
  await new Promise<void>((resolve) => sent.write(body.slice(0, 4), () => resolve()));
  // Another round trip, so that the head has been looked at.
  await rest.get('/v1/health');
  await meanwhile();
  sent.end(body.slice(4));
  return answered;
}

/** What a browser would do: the login form, then the session's cookie. */
async function openPages(username: string) {
  const form = await rest.get('/login');
  const fields = { csrf: csrfOf(form), return: '/account', username, password: testPassword };
  const answer = await post('/login', fields, cookieOf(form));
  expect(answer.status).toBe(200);
  const cookie = cookieOf(answer);
  const account = await rest.send('GET', '/account', undefined, undefined, { cookie });
  return { cookie, csrf: csrfOf(account) };
}

function post(path: string, fields: Readonly<Record<string, string>>, cookie: string): Promise<RestAnswer> {
  return rest.send('POST', path, new URLSearchParams(fields).toString(), undefined, { ...fromPage, cookie });
}

function cookieOf({ headers }: RestAnswer): string {
  return [headers['set-cookie'] ?? []]
    .flat()
    .map((line) => line.split(';', 1)[0])
    .join('; ');
}

function csrfOf({ text }: RestAnswer): string {
  return /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? '';
}

describe('a body that comes late', () => {
  it('IA-6 IA-40 an admin who loses the role while the body is under way changes nothing', async () => {
    const login = { username: 'eve', password: testPassword, service_name: 'mcias', totp_code: code(0) };
    const token = textOf(await rest.post('/v1/auth/login', login), 'token');
    expect((await rest.get('/v1/accounts', token)).status).toBe(200);
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ name: 'planted', type: 'system' });
    const answer = await slowly('/v1/accounts', headers, body, () =>
      folder.rooms(({ store }) =>
        store.change((writer) => {
          const eve = findAccountByName(writer, 'eve');
          setRoles(writer, eve?.id ?? '', eve?.revision ?? 0, ['user'], 'test', Date.now());
        }),
      ),
    );
    expect(answer.status).toBe(403);
    expect(await folder.rooms(({ store }) => findAccountByName(store.reader, 'planted'))).toBeNull();
  });

  it('IA-46 nor does a form whose session ends while it is under way', async () => {
    const { cookie, csrf } = await openPages('ann');
    const body = new URLSearchParams({ csrf, display_name: 'Planted' }).toString();
    const answer = await slowly('/account', { ...fromPage, cookie }, body, () =>
      folder.rooms(({ store }) =>
        store.change((writer) => {
          endSessionsOf(writer, findAccountByName(writer, 'ann')?.id ?? '', 'revoked', Date.now());
        }),
      ),
    );
    expect(answer).toEqual({ status: 303, location: '/login?return=%2Faccount' });
    expect(await folder.rooms(({ store }) => findAccountByName(store.reader, 'ann'))).toMatchObject({
      displayName: '',
    });
  });
});

describe('refusals that are answered, not thrown', () => {
  it('IA-32 those that a page shows count', async () => {
    const form = await rest.get('/login');
    const fields = { csrf: csrfOf(form), return: '/', username: 'nobody', password: 'wrong' };
    const wrong = () => post('/login', fields, cookieOf(form));
    expect(await reasonsOf(mcias, wrong)).toEqual(['unknown_account']);
    const reset = { csrf: csrfOf(form), ticket: 'none', password: 'a', again: 'b' };
    expect(await reasonsOf(mcias, () => post('/recover', reset, cookieOf(form)))).toEqual(['bad_value']);
  });

  it('IA-32 those that a redirect carries count', async () => {
    const path = `/sso/authorize?${new URLSearchParams({ client_id: 'mcq', redirect_uri: service }).toString()}`;
    expect(await reasonsOf(mcias, () => rest.get(path))).toEqual(['state_missing']);
  });
});

it('IA-76 answers of the OpenID provider have HSTS too', async () => {
  const { headers } = await rest.get('/oidc/.well-known/openid-configuration');
  expect(headers['strict-transport-security']).toBe('max-age=31536000');
});

it('IA-47 a program at the loopback gets no code for mciasctl out of a login that is there already', async () => {
  const { cookie } = await openPages('ann');
  const query = {
    client_id: 'mciasctl',
    redirect_uri: 'http://127.0.0.1:4000/callback',
    state: 'a-state',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  };
  const at = `/sso/authorize?${new URLSearchParams(query).toString()}`;
  const { headers } = await rest.send('GET', at, undefined, undefined, { cookie });
  expect(headers['location']).toMatch(/^\/login\?/);
});

it('IA-65 a session that renews in a loop is told to wait; another one is not', async () => {
  const login = { username: 'ann', password: testPassword, service_name: 'mcias' };
  const [first, second] = [await rest.post('/v1/auth/login', login), await rest.post('/v1/auth/login', login)];
  const renew = (granted: RestAnswer) => rest.post('/v1/token/renew', {}, textOf(granted, 'token'));
  const answers = await Promise.all(Array.from({ length: 200 }, () => renew(first)));
  const refused = answers.filter((answer) => said(answer) === '429 rate_limited');
  expect(refused.length).toBeGreaterThan(0);
  expect(refused[0]?.headers['retry-after']).toMatch(/^\d+$/);
  expect(said(await renew(second))).toBe('200');
});

it('label of a token: no control characters', async () => {
  const secret = await folder.enrolTotp(await folder.addPerson('ria', ['admin']));
  await folder.addService('mcr');
  const login = { username: 'ria', password: testPassword, service_name: 'mcias', totp_code: secret(0) };
  const token = textOf(await rest.post('/v1/auth/login', login), 'token');
  const issue = (label: string) => rest.post('/v1/token/issue', { account: 'mcr', label }, token);
  expect(said(await issue('a\u001b[2J'))).toBe('400 invalid_argument');
  expect(said(await issue('host svc'))).toBe('200');
});

it('IA-23 mcias server --accept-rp-id-change gives up the passkeys of another domain; without it the start is refused', async () => {
  using other = await createMciasFolder();
  const { id } = await other.addPerson('ann', ['user']);
  await other.rooms(({ store }) =>
    store.change((writer) => {
      writeMeta(writer, 'rp_id', 'old.example.test', Date.now());
      const columns = 'id, account_id, h_credential, s_credential, counter, backed_up, name, created_at';
      writer.run(`INSERT INTO passkeys (${columns}) VALUES ('1', ?, x'01', x'02', 0, 0, 'phone', 1)`, [id]);
    }),
  );
  await expect(other.start()).rejects.toThrow(/the 1 passkeys .*--accept-rp-id-change/);
  await using started = await other.start('--accept-rp-id-change');
  expect(await started.line({ passkeys: 1 })).toMatchObject({ level: 'warn', rp_id: 'mcias.example.test' });
  expect(await other.rooms(({ store }) => listPasskeys(store.reader, id))).toEqual([]);
});
