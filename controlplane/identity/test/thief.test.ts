import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { createSoftwareAuthenticator } from '../factors/webauthn/test/software-authenticator.ts';
import { totpCode, totpStep } from '../factors/totp.ts';
import { createRestClient, textOf } from '../test-support/rest-client.ts';
import { createMciasFolder, decodeBase32, testPassword } from '../test-support/running-mcias.ts';

/** Every secret that a run of mcias handed out or was given: as text, and as the bytes that it stands for. */
function formsOf(secret: string): readonly Buffer[] {
  const bytes = Buffer.from(secret, 'base64url');
  const decoded = /^[\w-]{22,}$/.test(secret)
    ? [bytes, Buffer.from(bytes.toString('hex')), Buffer.from(bytes.toString('base64'))]
    : [];
  return [Buffer.from(secret), Buffer.from(Buffer.from(secret).toString('hex')), ...decoded];
}

it('IA-68 IA-69 a copy of the database and of all output holds no secret of the run, and no hash to guess at', async () => {
  using folder = await createMciasFolder('[auth]\nadmin_requires_mfa = false\n[log]\nlevel = "debug"\n');
  await folder.addPerson('root', ['admin']);
  const secrets = new Map<string, string>([['password of root', testPassword]]);
  const keep = (name: string, secret: string): string => {
    secrets.set(name, secret);
    return secret;
  };
  let output = '';
  {
    await using mcias = await folder.start();
    using rest = createRestClient(mcias, folder.caPem);
    const login = (username: string, password: string, more: object = {}) =>
      rest.post('/v1/auth/login', { username, password, service_name: 'mcias', ...more });
    const admin = keep('admin token', textOf(await login('root', testPassword), 'token'));
    await login('root', keep('wrong password', 'plainly wrong password'));
    const created = await rest.post('/v1/accounts', { name: 'ann', type: 'human', roles: ['user'] }, admin);
    const reset = created.body['reset'] as { ticket: string };
    const password = keep('password of ann', 'Über geheim, sehr lang');
    await rest.post('/v1/recover', { ticket: keep('reset ticket', reset.ticket), new_password: password });
    await rest.post('/v1/recover', {
      ticket: reset.ticket,
      new_password: keep('refused password', 'one more password'),
    });
    const ann = keep('token of ann', textOf(await login('ann', password), 'token'));

    const totp = keep('totp secret', textOf(await rest.post('/v1/me/totp', {}, ann), 'secret'));
    const code = (offset: number) => totpCode(decodeBase32(totp), totpStep(Date.now()) + offset);
    await rest.post('/v1/me/totp/confirm', { code: code(-1) }, ann);
    const { codes } = (await rest.post('/v1/me/recovery-codes', {}, ann)).body as unknown as { codes: string[] };
    codes.forEach((recovery, i) => keep(`recovery code ${i}`, recovery));
    codes.forEach((recovery, i) => keep(`recovery code ${i}, bare`, recovery.replaceAll('-', '')));
    const authenticator = createSoftwareAuthenticator('https://mcias.example.test');
    const begun = (await rest.post('/v1/me/passkeys/options', {}, ann)).body as unknown as {
      ticket: string;
      public_key: never;
    };
    const response = authenticator.create(begun.public_key) as unknown as { id: string };
    await rest.post('/v1/me/passkeys', { ticket: keep('challenge', begun.ticket), response, name: 'key' }, ann);
    keep('credential id', response.id);

    const asked = await login('ann', password);
    const ticket = keep('mfa ticket', String(asked.body.error?.details['mfa_ticket']));
    await rest.post('/v1/auth/mfa', { mfa_ticket: ticket, totp_code: 'abc123' });
    const granted = await rest.post('/v1/auth/mfa', { mfa_ticket: ticket, recovery_code: codes[0] });
    const token = keep('second token of ann', textOf(granted, 'token'));
    keep('renewed token', textOf(await rest.post('/v1/token/renew', {}, token), 'token'));
    await rest.post('/v1/accounts', { name: 'mcr', type: 'system' }, admin);
    const issued = await rest.post('/v1/token/issue', { account: 'mcr', label: 'registry' }, admin);
    keep('system token', textOf(issued, 'token'));
    await rest.post('/v1/token/validate', { token: `${token}x`, service_name: 'mcq' });
    await rest.get('/v1/me', `${token.slice(0, -4)}AAAA`);
    await mcias.end('SIGTERM');
    output = mcias.output();
  }
  for (const [name, secret] of secrets) {
    const [, claims = '', signature] = secret.split('.');
    if (signature === undefined) continue;
    keep(`${name}: signature`, signature);
    keep(`${name}: jti`, (JSON.parse(Buffer.from(claims, 'base64url').toString()) as { jti: string }).jti);
  }
  const master = readFileSync(join(folder.path, 'keys/master.key'), 'utf8').trim().split(' ').at(-1) ?? '';
  keep('master key', master);

  const stolen = readdirSync(folder.path).filter((name) => name.startsWith('mcias.db'));
  const places = new Map(stolen.map((name) => [name, readFileSync(join(folder.path, name))]));
  places.set('output', Buffer.from(output));
  expect(places.get('mcias.db')?.length).toBeGreaterThan(0);
  expect(output).toContain('"msg":"request"');
  const found = [...secrets].flatMap(([name, secret]) =>
    [...places].flatMap(([place, bytes]) =>
      formsOf(secret).some((form) => bytes.includes(form)) ? [`${name} in ${place}`] : [],
    ),
  );
  expect(found).toEqual([]);
  for (const [, bytes] of places) expect(bytes.includes('$argon2id$')).toBe(false);
});
