import { expect, it } from 'vitest';

import { createRestClient, said, textOf } from '../test-support/rest-client.ts';
import { createMciasFolder, testPassword } from '../test-support/running-mcias.ts';

it('IA-12 row 15: a thousand logins at once: some are served, the rest is told when to come back, and validate answers', async () => {
  using folder = await createMciasFolder();
  await folder.addPerson('ann', ['user']);
  await using mcias = await folder.start();
  using flood = createRestClient(mcias, folder.caPem, 1000);
  using calm = createRestClient(mcias, folder.caPem);
  const granted = await calm.post('/v1/auth/login', { username: 'ann', password: testPassword, service_name: 'mcq' });
  const token = textOf(granted, 'token');

  const logins = Array.from({ length: 1000 }, (_, i) =>
    flood.post('/v1/auth/login', { username: `user-${i}`, password: testPassword, service_name: 'mcq' }),
  );
  let isOver = false;
  const all = Promise.all(logins).finally(() => (isOver = true));
  let validated = 0;
  while (!isOver) {
    const { body } = await calm.post('/v1/token/validate', { token, service_name: 'mcq' });
    expect(body).toMatchObject({ valid: true });
    validated++;
  }
  const answers = await all;
  const kinds = new Map<string, number>();
  for (const answer of answers) kinds.set(said(answer), (kinds.get(said(answer)) ?? 0) + 1);
  expect([...kinds.keys()].toSorted()).toEqual(['401 invalid_credentials', '429 busy']);
  expect(kinds.get('401 invalid_credentials')).toBeGreaterThanOrEqual(64);
  expect(validated).toBeGreaterThan(10);
  for (const answer of answers) if (answer.status === 429) expect(answer.headers['retry-after']).toBe('1');
});
