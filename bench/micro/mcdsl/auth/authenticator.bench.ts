import { hash, randomBytes } from 'node:crypto';
import { test } from 'vitest';
import { createAuthenticator, type Principal } from '../../../../mcdsl/auth/index.ts';
import { createMetricsRegistry } from '../../../../mcdsl/metrics/index.ts';
import { batch } from '../../batch.ts';

/** As long as a token of mcias is. */
const tokens = Array.from({ length: 256 }, () =>
  [80, 400, 64].map((bytes) => randomBytes(bytes).toString('base64url')).join('.'),
);

test('a token that was validated before', async ({ bench }) => {
  const now = Date.now();
  const principal: Principal = {
    accountId: '00000000-0000-4000-8000-000000000001',
    name: 'mcp-agent',
    type: 'system',
    roles: [],
    sessionId: null,
    tokenId: '00000000-0000-4000-8000-000000000002',
    audience: ['platform'],
    amr: [],
    authTimeMs: now,
    issuedAtMs: now,
    expiresAtMs: now + 86_400_000,
  };
  const authenticator = createAuthenticator({
    client: { validate: async () => ({ valid: true, principal }) },
    config: { cache_ttl: 86_400_000, cache_entries: 10_000 },
    registry: createMetricsRegistry({ system: 'bench' }),
  });
  for (const token of tokens) await authenticator.authenticate(token);
  const bare = new Map(tokens.map((token) => [hash('sha256', token, 'base64url'), principal]));
  await bench(
    'remembered by mcdsl/auth',
    batch(tokens, (token) => authenticator.remembered(token)),
  ).run();
  await bench(
    'SHA-256 and Map.get',
    batch(tokens, (token) => bare.get(hash('sha256', token, 'base64url'))),
  ).run();
});
