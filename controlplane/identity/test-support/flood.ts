import { createRestClient, said, textOf } from './rest-client.ts';
import { testPassword, type MciasFolder } from './running-mcias.ts';

export type Flood = {
  /** How many answers were what, such as `429 busy`. */
  readonly answers: ReadonlyMap<string, number>;
  /** `Retry-After` of those told busy. */
  readonly waits: ReadonlySet<unknown>;
  /** Validates that were answered meanwhile, all of them as they should be. */
  readonly validated: number;
};

/** So many logins at once, of names that nobody has: each costs a hash. A token is validated again and again meanwhile. */
export async function floodLogins(folder: MciasFolder, count: number): Promise<Flood> {
  await folder.addPerson('ann', ['user']);
  await using mcias = await folder.start();
  using flood = createRestClient(mcias, folder.caPem, count);
  using calm = createRestClient(mcias, folder.caPem);
  const granted = await calm.post('/v1/auth/login', { username: 'ann', password: testPassword, service_name: 'mcq' });
  const token = textOf(granted, 'token');

  const logins = Array.from({ length: count }, (_, i) =>
    flood.post('/v1/auth/login', { username: `user-${i}`, password: testPassword, service_name: 'mcq' }),
  );
  const flooding = new AbortController();
  const all = Promise.all(logins).finally(() => flooding.abort());
  let validated = 0;
  while (!flooding.signal.aborted) {
    const { body, text } = await calm.post('/v1/token/validate', { token, service_name: 'mcq' });
    if (body['valid'] !== true) throw new Error(`a good token was refused: ${text}`);
    validated++;
  }
  const answers = new Map<string, number>();
  const waits = new Set<unknown>();
  for (const answer of await all) {
    answers.set(said(answer), (answers.get(said(answer)) ?? 0) + 1);
    if (answer.status === 429) waits.add(answer.headers['retry-after']);
  }
  return { answers, waits, validated };
}
