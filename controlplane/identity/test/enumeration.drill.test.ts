import { expect, it } from 'vitest';

import { createRestClient, said, type RestClient } from '../test-support/rest-client.ts';
import { createMciasFolder } from '../test-support/running-mcias.ts';

const rounds = 120;
const kinds = ['known', 'unknown', 'disabled', 'system'] as const;
type Kind = (typeof kinds)[number];

/**
 * Names of each kind take turns, each used once, so that no soft lock is met. Medians must not tell the kinds apart: the greatest
 * difference between two of them is compared with what the same data gives when kinds are dealt out at random (a permutation test).
 */
it('IA-14 how long a refusal takes does not tell who exists', async () => {
  using folder = await createMciasFolder();
  await folder.rooms(async ({ store, passwords }) => {
    const hashed = await passwords.hash('the password of all of them');
    store.change((writer) => {
      for (let i = 0; i < rounds; i++) {
        for (const kind of ['known', 'disabled', 'system'] as const) {
          const id = `${kind}-${i}`;
          const status = kind === 'disabled' ? 'disabled' : 'enabled';
          writer.run('INSERT INTO accounts (id, name, type, status, created_at) VALUES (?, ?, ?, ?, 1)', [
            id,
            id,
            kind === 'system' ? 'system' : 'human',
            status,
          ]);
          if (kind !== 'system') passwords.store(writer, id, hashed, Date.now());
        }
      }
    });
  });
  await using mcias = await folder.start();
  using rest = createRestClient(mcias, folder.caPem, 1);
  for (let i = 0; i < 20; i++) await attempt(rest, `warm-up-${i}`);
  const samples: { kind: Kind; ms: number }[] = [];
  for (let i = 0; i < rounds; i++) {
    for (const kind of shuffled(kinds)) samples.push({ kind, ms: await attempt(rest, `${kind}-${i}`) });
  }
  const seen = spread(samples);
  const byChance = Array.from({ length: 1000 }, () => {
    const dealt = shuffled(samples.map(({ kind }) => kind));
    return spread(samples.map(({ ms }, i) => ({ ms, kind: dealt[i] ?? 'known' })));
  });
  const asGreat = byChance.filter((value) => value >= seen).length;
  // Below one in a thousand it would be no chance any more.
  expect(asGreat, `medians differ by ${seen.toFixed(2)} ms`).toBeGreaterThan(0);
}, 300_000);

async function attempt(rest: RestClient, username: string): Promise<number> {
  const startedAt = performance.now();
  const answer = await rest.post('/v1/auth/login', { username, password: 'not the password', service_name: 'mcq' });
  const ms = performance.now() - startedAt;
  expect(said(answer)).toBe('401 invalid_credentials');
  return ms;
}

/** The greatest difference between the medians of two kinds. */
function spread(samples: readonly { readonly kind: Kind; readonly ms: number }[]): number {
  const medians = kinds.map((kind) => {
    const sorted = samples
      .filter((sample) => sample.kind === kind)
      .map(({ ms }) => ms)
      .toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? 0;
  });
  return Math.max(...medians) - Math.min(...medians);
}

function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
