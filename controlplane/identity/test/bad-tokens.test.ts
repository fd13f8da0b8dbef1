import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { everything, listAudit } from '../audit/index.ts';
import { reasonsOf } from '../test-support/counted.ts';
import { createForger, type Forger } from '../test-support/forge.ts';
import { createRestClient, said, textOf, type RestClient } from '../test-support/rest-client.ts';
import { createMciasFolder, testPassword, type MciasFolder, type RunningMcias } from '../test-support/running-mcias.ts';

let folder: MciasFolder;
let mcias: RunningMcias;
let rest: RestClient;
let forger: Forger;
let good: string;

beforeAll(async () => {
  folder = await createMciasFolder('[auth]\nadmin_requires_mfa = false\n');
  await folder.addPerson('root', ['admin']);
  await folder.addPerson('ann', ['user']);
  forger = await createForger(folder);
  mcias = await folder.start();
  rest = createRestClient(mcias, folder.caPem);
  good = textOf(await login('ann', 'mcias'), 'token');
});
afterAll(async () => {
  rest[Symbol.dispose]();
  await mcias[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const login = (username: string, service_name: string) =>
  rest.post('/v1/auth/login', { username, password: testPassword, service_name });

const header = (more: object = {}) => ({ alg: 'EdDSA', typ: 'at+jwt', kid: forger.kid, ...more });

/** As bearer it is refused without a reason, at validate it is not valid, and only counts and log know why. */
async function refused(token: string, answer = 'invalid'): Promise<readonly string[]> {
  return reasonsOf(mcias, async () => {
    expect(said(await rest.get('/v1/me', token))).toBe('401 invalid_token');
    const { status, body } = await rest.post('/v1/token/validate', { token, service_name: 'mcias' });
    expect([status, body]).toEqual([200, { valid: false, reason: answer }]);
  });
}

async function audited(reason: string): Promise<void> {
  await expect
    .poll(() => folder.rooms(({ store }) => listAudit(store.reader, everything, { limit: 500, cursor: null }).items), {
      timeout: 10_000,
    })
    .toContainEqual(expect.objectContaining({ reason }));
}

describe('IA-39 tokens that mcias did not issue', () => {
  it('row 1: no algorithm, or another one under our public key', async () => {
    const none = forger.unsigned(header({ alg: 'none' }), forger.claims);
    // Three segments are needed for a token; the last one is empty here.
    expect(await refused(none)).toEqual(['malformed']);
    expect(await refused(`${none}AA`)).toEqual(['alg_not_allowed']);
    expect(await refused(forger.byPublicKey(header({ alg: 'HS256' }), forger.claims))).toEqual(['alg_not_allowed']);
    await audited('alg_not_allowed');
  });

  it.each(['../../key', 'https://evil.test/jwks', "' OR 1=1--", ''])('row 2: kid %j is only looked up', async (kid) => {
    expect(await refused(forger.byStranger(header({ kid }), forger.claims))).toEqual(['unknown_kid']);
    await audited('unknown_kid');
    if (kid !== '') expect(mcias.output()).not.toContain(JSON.stringify(kid).slice(1, -1));
  });

  it('row 3: keys in the header are never read', async () => {
    const more = { jku: `${mcias.url}/evil`, x5u: `${mcias.url}/evil`, x5c: ['MIIB'] };
    expect(await refused(forger.byStranger(header(more), forger.claims))).toEqual(['bad_signature']);
    await audited('bad_signature');
  });

  it('row 4: one token has one spelling', async () => {
    const [head, body, mac] = good.split('.');
    expect(await refused(`${head}.${body}=.${mac}`)).toEqual(['not_canonical']);
    const { body: padded } = await rest.post('/v1/token/validate', {
      token: `${head}. ${body}.${mac}`,
      service_name: 'mcias',
    });
    expect(padded).toEqual({ valid: false, reason: 'invalid' });
  });

  it('row 5: too long, too few or many segments, critical headers', async () => {
    expect(await refused(`${good}${'A'.repeat(4097 - good.length)}`)).toEqual(['malformed']);
    expect(await refused(good.split('.').slice(0, 2).join('.'))).toEqual(['malformed']);
    expect(await refused(`${good}.AAAA`)).toEqual(['malformed']);
    expect(await refused(await forger.byServer(header({ crit: ['x'], x: 1 }), forger.claims))).toEqual(['malformed']);
  });

  it('row 6: an id_token, a token of another issuer', async () => {
    expect(await refused(await forger.byServer(header({ typ: 'JWT' }), forger.claims))).toEqual(['wrong_type']);
    const foreign = { ...forger.claims, iss: 'https://other.example.test' };
    expect(await refused(await forger.byServer(header(), foreign))).toEqual(['wrong_issuer']);
    expect(await refused(await forger.byServer(header(), forger.claims))).toEqual(['unknown_token']);
    for (const reason of ['wrong_type', 'wrong_issuer', 'unknown_token']) await audited(reason);
  });

  it('row 7: revoked, expired', async () => {
    const token = textOf(await login('ann', 'mcias'), 'token');
    await rest.post('/v1/token/revoke', {}, token);
    expect(await refused(token, 'revoked')).toEqual(['revoked']);
    const past = { ...forger.claims, exp: Math.floor(Date.now() / 1000) - 6 };
    expect(await refused(await forger.byServer(header(), past), 'expired')).toEqual(['expired']);
    await audited('revoked');
  });

  it('row 8: a token for mcq at metacrypt', async () => {
    const token = textOf(await login('ann', 'mcq'), 'token');
    const reasons = await reasonsOf(mcias, async () => {
      const { body } = await rest.post('/v1/token/validate', { token, service_name: 'metacrypt' });
      expect(body).toEqual({ valid: false, reason: 'wrong_audience' });
    });
    expect(reasons).toEqual(['wrong_audience']);
    await audited('wrong_audience');
  });

  it('row 9: an admin’s token for mcq manages nothing', async () => {
    const token = textOf(await login('root', 'mcq'), 'token');
    const reasons = await reasonsOf(mcias, async () => {
      expect(said(await rest.get('/v1/accounts', token))).toBe('403 permission_denied');
    });
    expect(reasons).toEqual(['wrong_audience']);
  });

  it('row 10: validate needs to know for whom', async () => {
    const reasons = await reasonsOf(mcias, async () => {
      const answer = await rest.post('/v1/token/validate', { token: good });
      expect(said(answer)).toBe('400 invalid_argument');
      expect(answer.body.error?.details).toEqual({ field: 'service_name' });
    });
    expect(reasons).toEqual(['missing_service_name']);
  });

  it('IA-6 roles of the claims mean nothing: those of now count', async () => {
    const account = await folder.addPerson('eva', ['guest']);
    const token = textOf(await login('eva', 'mcias'), 'token');
    await folder.rooms(({ store }) =>
      store.change((writer) => {
        writer.run('DELETE FROM account_roles WHERE account_id = ?', [account.id]);
        writer.run("INSERT INTO account_roles VALUES (?, 'user', 'test', 1)", [account.id]);
      }),
    );
    const { body } = await rest.post('/v1/token/validate', { token, service_name: 'mcias' });
    expect(body).toMatchObject({ valid: true, roles: ['user'] });
  });
});
