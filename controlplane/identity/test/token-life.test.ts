import { afterAll, beforeAll, expect, it } from 'vitest';

import { createRestClient, said, textOf, type RestClient } from '../test-support/rest-client.ts';
import { createMciasFolder, testPassword, type MciasFolder, type RunningMcias } from '../test-support/running-mcias.ts';

let folder: MciasFolder;
let mcias: RunningMcias;
let rest: RestClient;

beforeAll(async () => {
  folder = await createMciasFolder();
  await folder.addPerson('ann', ['user']);
  mcias = await folder.start();
  rest = createRestClient(mcias, folder.caPem);
});
afterAll(async () => {
  rest[Symbol.dispose]();
  await mcias[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const login = (service = 'mcq') =>
  rest.post('/v1/auth/login', { username: 'ann', password: testPassword, service_name: service });
const validate = async (token: string, service = 'mcq') => {
  const { status, body } = await rest.post('/v1/token/validate', { token, service_name: service });
  expect(status).toBe(200);
  return body;
};

it('IA-40 login → validate → renew → revoke → validate', async () => {
  const granted = await login();
  expect(said(granted)).toBe('200');
  const token = textOf(granted, 'token');
  expect(granted.body).toMatchObject({ account: { name: 'ann', type: 'human', roles: ['user'] } });
  expect(await validate(token)).toMatchObject({
    valid: true,
    username: 'ann',
    account_type: 'human',
    roles: ['user'],
    audience: ['mcq'],
    amr: ['pwd'],
    policy: { reason: 'rule_allow', rule_id: 1 },
  });

  const renewed = textOf(await rest.post('/v1/token/renew', {}, token), 'token');
  expect(await validate(renewed)).toMatchObject({ valid: true, audience: ['mcq'] });
  expect(await validate(token)).toMatchObject({ valid: true });

  expect((await rest.post('/v1/token/revoke', { token: renewed }, renewed)).body).toEqual({ revoked: 2 });
  expect(await validate(renewed)).toEqual({ valid: false, reason: 'revoked' });
  expect(await validate(token)).toEqual({ valid: false, reason: 'revoked' });
  expect(said(await rest.post('/v1/token/renew', {}, token))).toBe('401 invalid_token');
});

it('IA-37 a token for one service is none for another', async () => {
  const token = textOf(await login(), 'token');
  expect(await validate(token, 'metacrypt')).toEqual({ valid: false, reason: 'wrong_audience' });
});
