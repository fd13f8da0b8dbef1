import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createAuthenticator, createMciasClient, mciasSection } from '../../../mcdsl/auth/index.ts';
import { recordingLogger } from '../../../mcdsl/grpc/test/fixture.ts';
import { createMetricsRegistry } from '../../../mcdsl/metrics/index.ts';
import { startMcias, type TestMcias } from '../../test-support/mcias.ts';

const stack = new AsyncDisposableStack();
let mcias: TestMcias;

beforeAll(async () => {
  mcias = stack.use(await startMcias());
  await mcias.addService('mcp-agent');
});
afterAll(() => stack.disposeAsync());

describe('the client library before the real mcias', () => {
  it('IA-40 IA-77 a revoked token is refused by mcias at once, and here when the cached answer has ended', async () => {
    const config = mciasSection('mcr').parse({ server_url: mcias.url, ca_cert: mcias.caFile, cache_ttl: '30s' });
    using client = createMciasClient(config, recordingLogger());
    let nowMs = Date.now();
    const registry = createMetricsRegistry({ system: 'mcr' });
    const authenticator = createAuthenticator({ client, config, registry, now: () => nowMs });
    const file = join(mcias.folder, 'agent.token');
    const tokenId = await mcias.issueToken('mcp-agent', file);
    const token = readFileSync(file, 'utf8').trim();
    expect(await authenticator.authenticate(token)).toMatchObject({ name: 'mcp-agent', type: 'system', roles: [] });

    await mcias.admin('POST', '/v1/token/revoke', { token_id: tokenId });
    expect(await client.validate(token)).toMatchObject({ valid: false, reason: 'revoked' });
    nowMs += 29_999;
    expect(await authenticator.authenticate(token)).toMatchObject({ name: 'mcp-agent' });
    nowMs += 1;
    await expect(authenticator.authenticate(token)).rejects.toMatchObject({ code: 'invalid_token', http: 401 });
  });

  it('IA-78 a mcias that has ended is auth_unavailable, never an invalid token', async () => {
    const config = mciasSection('mcr').parse({ server_url: mcias.url, ca_cert: mcias.caFile });
    using client = createMciasClient(config, recordingLogger());
    const registry = createMetricsRegistry({ system: 'mcr' });
    const authenticator = createAuthenticator({ client, config, registry });
    const file = join(mcias.folder, 'other.token');
    await mcias.issueToken('mcp-agent', file);
    await mcias.process.end('SIGTERM');
    const refused = authenticator.authenticate(readFileSync(file, 'utf8').trim());
    await expect(refused).rejects.toMatchObject({ code: 'auth_unavailable', http: 503 });
  });
});
