import { connect as connectPlain } from 'node:net';
import tls from 'node:tls';

import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openSession } from '../sessions/index.ts';
import { reasonsOf } from '../test-support/counted.ts';
import { createRestClient, said, textOf, type RestAnswer, type RestClient } from '../test-support/rest-client.ts';
import { createMciasFolder, testPassword, type MciasFolder, type RunningMcias } from '../test-support/running-mcias.ts';

let folder: MciasFolder;
let mcias: RunningMcias;
let rest: RestClient;
let admin: string;

beforeAll(async () => {
  folder = await createMciasFolder('[auth]\nadmin_requires_mfa = false\n');
  await folder.addPerson('root', ['admin']);
  await folder.addPerson('gus', ['guest']);
  await folder.addService('mcr');
  mcias = await folder.start();
  rest = createRestClient(mcias, folder.caPem);
  admin = await tokenOf('root');
});
afterAll(async () => {
  rest[Symbol.dispose]();
  await mcias[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const login = (username: string, service_name = 'mcias', more: object = {}) =>
  rest.post('/v1/auth/login', { username, password: testPassword, service_name, ...more });
const tokenOf = async (username: string) => textOf(await login(username), 'token');

async function expectReason(reason: string, answer: string, attempt: () => Promise<RestAnswer>): Promise<RestAnswer> {
  let last: RestAnswer | undefined;
  const reasons = await reasonsOf(mcias, async () => {
    last = await attempt();
    expect(said(last)).toBe(answer);
  });
  expect(reasons).toEqual([reason]);
  return last!;
}

const policy = { rules: [], revision: 1 };

describe('IA-34 who may manage', () => {
  it('row 37: a guest’s and a system account’s token change no rule', async () => {
    const guest = await tokenOf('gus');
    const system = textOf(await rest.post('/v1/token/issue', { account: 'mcr', label: '' }, admin), 'token');
    for (const token of [guest, system]) {
      const put = () => rest.send('PUT', '/v1/policy', policy, token);
      await expectReason('permission_denied', '403 permission_denied', put);
    }
    const entries = (await rest.get('/v1/audit?event=request.refused', admin)).body['entries'];
    const tokens = (await rest.get('/v1/audit?event=token.refused', admin)).body['entries'];
    expect(JSON.stringify([entries, tokens])).toContain('permission_denied');
  });

  it('row 38: a login of twenty minutes ago is asked for again', async () => {
    const old = await folder.rooms(({ store, issuer, inForce }) =>
      store.change((writer) => {
        const root = writer.get<{ id: string }>("SELECT id FROM accounts WHERE name = 'root'");
        const holder = { id: root?.id ?? '', name: 'root', type: 'human', roles: ['admin'] } as const;
        const then = Date.now() - 20 * 60_000;
        const draft = { accountId: holder.id, isAdmin: true, amr: ['pwd'], ip: '', userAgent: '' } as const;
        const { session } = openSession(writer, draft, inForce().settings.sessionTimes, then);
        return issuer.forSession(writer, holder, session, ['mcias'], Date.now()).token;
      }),
    );
    expect((await rest.get('/v1/policy', old)).status).toBe(200);
    const answer = await expectReason('step_up', '403 step_up_required', () =>
      rest.send('PUT', '/v1/policy', policy, old),
    );
    expect(answer.body.error?.details).toEqual({ max_age: 900 });
    const fresh = textOf(await rest.post('/v1/auth/step-up', { password: testPassword }, old), 'token');
    expect(said(await rest.send('PUT', '/v1/policy', policy, fresh))).toBe('200');
    const { rules: restored, revision } = (await rest.get('/v1/policy', fresh)).body;
    expect([restored, revision]).toEqual([[], 2]);
  });

  it('row 39: roles that nobody may have', async () => {
    const system = { name: 'sys', type: 'system', roles: ['admin'] };
    await expectReason('role_not_allowed', '400 invalid_argument', () => rest.post('/v1/accounts', system, admin));
    const both = { name: 'both', type: 'human', roles: ['guest', 'user'] };
    await expectReason('role_not_allowed', '400 invalid_argument', () => rest.post('/v1/accounts', both, admin));
  });

  it('row 40: the last admin stays, also when two demote each other at once', async () => {
    const demote = (name: string, revision: number, token: string) =>
      rest.send('PUT', `/v1/accounts/${name}/roles`, { roles: ['user'], revision }, token);
    await expectReason('last_admin', '409 last_admin', () => demote('root', 1, admin));
    await folder.addPerson('two', ['admin']);
    const other = await tokenOf('two');
    const answers = await Promise.all([demote('two', 1, admin), demote('root', 1, other)]);
    expect(answers.map(said).toSorted()).toEqual([
      '200',
      expect.stringMatching(/^(409 last_admin|403 permission_denied)$/),
    ]);
    const survivor = said(answers[0]) === '200' ? 'root' : 'two';
    await folder.rooms(({ store }) =>
      store.change((w) => {
        w.run("DELETE FROM account_roles WHERE role = 'user'");
        w.run(
          "INSERT OR IGNORE INTO account_roles SELECT id, 'admin', 'test', 1 FROM accounts WHERE name IN ('root', 'two')",
        );
      }),
    );
    expect(survivor).toMatch(/root|two/);
    admin = await tokenOf('root');
  });

  it('row 41: a rule that is none changes nothing and names the field', async () => {
    const { revision } = (await rest.get('/v1/policy', admin)).body as unknown as { revision: number };
    const cases: [object, string][] = [
      [{ priority: 1, effect: 'deny', servces: ['mcq'] }, 'servces'],
      [{ priority: 0, effect: 'deny' }, 'priority'],
      [{ priority: 1, effect: 'deny', tags: Array.from({ length: 17 }, (_, i) => `t${i}`) }, 'tags'],
      [{ priority: 1, effect: 'deny', roles: ['root'] }, 'roles[0]'],
    ];
    for (const [rule, field] of cases) {
      const post = () => rest.post('/v1/policy/rules', { rule, revision }, admin);
      const answer = await expectReason('bad_rule', '400 invalid_argument', post);
      expect(answer.body.error?.details).toMatchObject({ field });
    }
    expect((await rest.get('/v1/policy', admin)).body).toMatchObject({ revision });
  });

  it('row 42: client_ip of a stranger is ignored', async () => {
    const reasons = await reasonsOf(mcias, async () => {
      expect(said(await login('gus', 'mcias', { client_ip: '203.0.113.9' }))).toBe('200');
    });
    expect(reasons).toEqual(['client_ip_ignored']);
    const { sessions } = (await rest.get('/v1/sessions?account=gus', admin)).body as unknown as {
      sessions: { ip: string }[];
    };
    expect(new Set(sessions.map(({ ip }) => ip))).toEqual(new Set(['127.0.0.1']));
  });

  it('IA-64 beside a valid system token it is believed', async () => {
    const system = textOf(await rest.post('/v1/token/issue', { account: 'mcr', label: '' }, admin), 'token');
    const body = { username: 'gus', password: testPassword, service_name: 'mcias', client_ip: '203.0.113.9' };
    expect(said(await rest.post('/v1/auth/login', body, system))).toBe('200');
    const { sessions } = (await rest.get('/v1/sessions?account=gus', admin)).body as unknown as {
      sessions: { ip: string }[];
    };
    expect(sessions.map(({ ip }) => ip)).toContain('203.0.113.9');
    expect(said(await rest.post('/v1/auth/login', { ...body, client_ip: 'here' }, system))).toBe(
      '400 invalid_argument',
    );
  });

  it('IA-64 from a service of rate_limit.forwarders it is believed without any token', async () => {
    using other = await createMciasFolder(
      '[rate_limit]\nlogin_burst = 2\nlogin_per_minute = 1\nforwarders = ["127.0.0.1/32"]\n',
    );
    await other.addPerson('gus', ['guest']);
    await using running = await other.start();
    using client = createRestClient(running, other.caPem);
    const from = async (client_ip: string) =>
      said(
        await client.post('/v1/auth/login', {
          username: 'gus',
          password: testPassword,
          service_name: 'mcias',
          client_ip,
        }),
      );
    expect([await from('203.0.113.1'), await from('203.0.113.1'), await from('203.0.113.1')]).toEqual([
      '200',
      '200',
      '429 rate_limited',
    ]);
    expect(await from('203.0.113.2')).toBe('200');
  });

  it('row 44: unknown paths and methods', async () => {
    await expectReason('unknown_route', '404 not_found', () => rest.get('/v1/nothing', admin));
    const answer = await rest.send('DELETE', '/v1/accounts', undefined, admin);
    expect([said(answer), answer.headers['allow']]).toEqual(['405 method_not_allowed', 'GET, HEAD, POST']);
  });
});

describe('storage and transport', () => {
  it('row 45: a database that cannot be written refuses changes, and validate works on', async () => {
    const token = await tokenOf('gus');
    using lock = lockDatabase();
    const answer = await expectReason('audit_unavailable', '503 audit_unavailable', () =>
      rest.post('/v1/token/renew', {}, token),
    );
    expect(answer.headers['retry-after']).toBe('5');
    const { body } = await rest.post('/v1/token/validate', { token, service_name: 'mcias' });
    expect(body).toMatchObject({ valid: true });
    lock[Symbol.dispose]();
    expect(said(await rest.post('/v1/token/renew', {}, token))).toBe('200');
  });

  it('row 46: a sealed value that was moved to another account opens nothing', async () => {
    const [one, two] = [await folder.addPerson('xia', ['user']), await folder.addPerson('yan', ['user'])];
    await folder.rooms(({ store }) =>
      store.change((w) =>
        w.run('UPDATE passwords SET s_phc = (SELECT s_phc FROM passwords WHERE account_id = ?) WHERE account_id = ?', [
          one.id,
          two.id,
        ]),
      ),
    );
    await expectReason('seal_mismatch', '500 internal', () => login('yan'));
    expect(said(await login('xia'))).toBe('200');
  });

  it('row 47: TLS 1.2 and plain HTTP are refused before any request', async () => {
    const { port, grpcPort } = mcias;
    for (const at of [port, grpcPort]) {
      const socket = tls.connect({ port: at, host: '127.0.0.1', ca: folder.caPem, maxVersion: 'TLSv1.2' });
      const error = await new Promise<NodeJS.ErrnoException>((resolve) => socket.once('error', resolve));
      expect(error.code).toMatch(/ALERT_PROTOCOL_VERSION|ECONNRESET/);
    }
    const plain = connectPlain(port, '127.0.0.1');
    plain.write('GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n');
    const bytes: Buffer[] = [];
    plain.on('data', (chunk: Buffer) => bytes.push(chunk));
    plain.on('error', () => undefined);
    await new Promise((resolve) => plain.once('close', resolve));
    expect(Buffer.concat(bytes).toString('latin1')).not.toContain('HTTP/1.1 200');
  });
});

/** What a full disk or a stuck process does to a writer. */
function lockDatabase(): Disposable {
  const database = new Database(`${folder.path}/mcias.db`);
  database.exec('BEGIN IMMEDIATE');
  return { [Symbol.dispose]: () => void (database.open && database.close()) };
}
