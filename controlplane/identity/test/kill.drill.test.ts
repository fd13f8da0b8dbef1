import { expect, it } from 'vitest';

import { verifyAudit } from '../audit/index.ts';
import { createRestClient, said, textOf, type RestClient } from '../test-support/rest-client.ts';
import { createMciasFolder, testPassword } from '../test-support/running-mcias.ts';

const rounds = 12;
const people = 6;

/** What the server acknowledged before it was killed. */
type Acknowledged = { readonly good: Set<string>; readonly revoked: Set<string> };

it('IA-73 IA-40 kill -9 during logins, renewals and revocations loses nothing that was acknowledged', async () => {
  using folder = await createMciasFolder();
  const names = Array.from({ length: people }, (_, i) => `user-${i}`);
  for (const name of names) await folder.addPerson(name, ['user']);
  const acknowledged: Acknowledged = { good: new Set(), revoked: new Set() };
  let tried = 0;
  for (let round = 0; round < rounds; round++) {
    await using mcias = await folder.start();
    using rest = createRestClient(mcias, folder.caPem);
    await check(rest, acknowledged);
    const work = names.map((name) => livesOf(rest, name, acknowledged, () => ++tried));
    // Killed in the middle of whatever is under way once so much more was acknowledged.
    const enough = acknowledged.good.size + acknowledged.revoked.size + 4 + (round % 5);
    await expect
      .poll(() => acknowledged.good.size + acknowledged.revoked.size, { timeout: 60_000, interval: 1 })
      .toBeGreaterThan(enough);
    await mcias.end('SIGKILL');
    await Promise.all(work);
  }
  await using mcias = await folder.start();
  using rest = createRestClient(mcias, folder.caPem);
  await check(rest, acknowledged);
  expect(acknowledged.revoked.size).toBeGreaterThan(rounds);
  expect(tried).toBeGreaterThan(rounds * people);
  expect(await folder.rooms(({ store }) => verifyAudit(store.reader))).toMatchObject({ ok: true });
}, 600_000);

/** Logs in, renews and revokes until the connection breaks. */
async function livesOf(
  rest: RestClient,
  name: string,
  { good, revoked }: Acknowledged,
  tried: () => void,
): Promise<void> {
  try {
    for (;;) {
      tried();
      const granted = await rest.post('/v1/auth/login', {
        username: name,
        password: testPassword,
        service_name: 'mcq',
      });
      if (said(granted) !== '200') continue;
      const token = textOf(granted, 'token');
      good.add(token);
      const next = await rest.post('/v1/token/renew', {}, token);
      if (said(next) !== '200') continue;
      const renewed = textOf(next, 'token');
      good.add(renewed);
      // From the request on until its answer the token may be either.
      good.delete(token);
      good.delete(renewed);
      const answer = await rest.post('/v1/token/revoke', {}, renewed);
      if (answer.body['revoked'] !== 2) throw new Error(`revoked: ${answer.text}`);
      revoked.add(token).add(renewed);
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
}

async function check(rest: RestClient, { good, revoked }: Acknowledged): Promise<void> {
  const answerOf = async (token: string) =>
    (await rest.post('/v1/token/validate', { token, service_name: 'mcq' })).body;
  for (const token of good) expect(await answerOf(token)).toMatchObject({ valid: true });
  for (const token of revoked) expect(await answerOf(token)).toEqual({ valid: false, reason: 'revoked' });
}
