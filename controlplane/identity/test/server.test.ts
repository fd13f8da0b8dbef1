import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { HealthService } from '../../../proto/gen/grpc/health/v1/health.ts';
import { StatsService } from '../../../proto/gen/mcdsl/v1/admin.ts';
import { createSeedCa } from '../../../mcdsl/seed-pki/index.ts';
import { connectUnix } from '../../../mcdsl/grpc/index.ts';
import { createRestClient, said, textOf, type RestClient } from '../test-support/rest-client.ts';
import { createMciasFolder, testPassword, type MciasFolder, type RunningMcias } from '../test-support/running-mcias.ts';

let folder: MciasFolder;
let mcias: RunningMcias;
let rest: RestClient;

beforeAll(async () => {
  folder = await createMciasFolder();
  mcias = await folder.start();
  rest = createRestClient(mcias, folder.caPem);
});
afterAll(async () => {
  rest[Symbol.dispose]();
  await mcias[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const login = (username: string, service_name: string, more: object = {}) =>
  rest.post('/v1/auth/login', { username, password: testPassword, service_name, ...more });

describe('mcias as a process', () => {
  it('IA-9 an empty database is healthy, and the log says how the first admin is made', async () => {
    expect((await rest.get('/v1/health')).body).toMatchObject({ status: 'ok' });
    expect(mcias.output()).toContain('mcias init --admin NAME');
    expect(said(await login('nobody', 'mcias'))).toBe('401 invalid_credentials');
  });

  it('IA-13 sixteen threads for hashes, names and files', () => {
    expect(readFileSync(`/proc/${mcias.pid}/environ`, 'utf8').split('\0')).toContain('UV_THREADPOOL_SIZE=16');
  });

  it('IA-26 an admin without a second factor can only enrol one', async () => {
    const root = await folder.addPerson('root', ['admin']);
    const token = textOf(await login('root', 'mcias'), 'token');
    expect(said(await login('root', 'mcq'))).toBe('403 mfa_enrollment_required');
    expect(said(await rest.get('/v1/accounts', token))).toBe('403 mfa_enrollment_required');
    expect(said(await rest.get('/v1/sessions', token))).toBe('403 mfa_enrollment_required');
    expect((await rest.get('/v1/me', token)).body).toMatchObject({ has_totp: false });
    const code = await folder.enrolTotp(root);
    expect((await rest.get('/v1/accounts', token)).status).toBe(200);
    expect(said(await login('root', 'mcq', { totp_code: code(0) }))).toBe('200');
  });

  it('admin socket: health and figures', async () => {
    using admin = await connectUnix(join(folder.path, 'mcias.sock'));
    expect(await admin.client(HealthService).check({ service: '' })).toEqual({ status: 1 });
    const stats = await admin.client(StatsService).getStats({ metricPrefix: 'mc_mcias_' });
    expect(stats).toMatchObject({ service: 'mcias', pid: mcias.pid });
    const names = new Set(stats.metrics.map(({ name }) => name));
    for (const name of ['mc_mcias_live_sessions', 'mc_mcias_hash_slots_items', 'mc_mcias_throttled_addresses'])
      expect(names).toContain(name);
  });

  it('IA-44 the end of each system account’s last token is a metric, and a near one a warning', async () => {
    const mcr = await folder.addService('mcr');
    await folder.rooms(({ store, issuer }) =>
      store.change((writer) =>
        issuer.forSystem(writer, mcr, { audience: ['platform'], ttlMs: 86_400_000, label: '' }, Date.now()),
      ),
    );
    const scrape = await (await fetch(`http://127.0.0.1:${mcias.metricsPort}/metrics`)).text();
    const [, seconds] = /^mc_mcias_token_expiry_seconds\{account="mcr"\} ([\d.]+)$/m.exec(scrape) ?? [];
    expect(Number(seconds)).toBeGreaterThan(86_000);
  });

  it('SIGHUP takes over clients, limits and lifetimes; a wrong file leaves the old ones in force', async () => {
    const before = readFileSync(folder.configFile, 'utf8');
    appendFileSync(folder.configFile, '\n[tokens]\nhuman_ttl = "7m"\n');
    mcias.signal('SIGHUP');
    await mcias.line({ msg: 'configuration reloaded' });
    await folder.addPerson('ann', ['user']);
    const granted = await login('ann', 'mcq');
    const lifeMs = Date.parse(textOf(granted, 'expires_at')) - Date.now();
    expect(lifeMs).toBeLessThanOrEqual(7 * 60_000);
    writeFileSync(folder.configFile, `${before}\n[tokens]\nhuman_tl = "1h"\n`);
    mcias.signal('SIGHUP');
    const failed = await mcias.line({ msg: 'reload failed, the old configuration stays' });
    expect(String(failed['reason'])).toContain('human_tl');
    const again = await login('ann', 'mcq');
    expect(Date.parse(textOf(again, 'expires_at')) - Date.now()).toBeLessThanOrEqual(7 * 60_000);
    writeFileSync(folder.configFile, before);
  });

  it('IA-10 a change of another process counts at once: account, roles, rules', async () => {
    const token = textOf(await login('ann', 'mcq'), 'token');
    const validate = async () => (await rest.post('/v1/token/validate', { token, service_name: 'mcq' })).body;
    expect(await validate()).toMatchObject({ valid: true });
    await folder.rooms(({ store }) =>
      store.change((w) => w.run("UPDATE accounts SET status = 'disabled' WHERE name = 'ann'")),
    );
    expect(await validate()).toEqual({ valid: false, reason: 'account_disabled' });
  });

  it('a second server on the same folder does not start', async () => {
    await expect(folder.start()).rejects.toThrow('mcias.sock');
    expect((await rest.get('/v1/health')).status).toBe(200);
  });

  it('SIGTERM ends it with 0, and what was noted is written', async () => {
    await folder.addPerson('zoe', ['user']);
    const token = textOf(await login('zoe', 'mcq'), 'token');
    expect((await rest.post('/v1/token/validate', { token, service_name: 'mcq' })).body).toMatchObject({ valid: true });
    expect(await mcias.end('SIGTERM')).toBe(0);
    const used = await folder.rooms(({ store }) =>
      store.reader.get(
        "SELECT 1 FROM tokens t JOIN accounts a ON a.id = t.account_id WHERE a.name = 'zoe' AND t.last_used_at > 0",
      ),
    );
    expect(used).not.toBeNull();
  });
});

it('IA-72 a certificate without this machine’s own names is warned of at the start, and serves', async () => {
  using other = await createMciasFolder();
  const pair = await (await createSeedCa()).issue({ names: ['mcias.example.test'], days: 20 });
  writeFileSync(join(other.path, 'certs/cert.pem'), pair.certPem);
  writeFileSync(join(other.path, 'certs/key.pem'), pair.keyPem);
  await using running = await other.start();
  expect(running.output()).toContain('the certificate has no entry for localhost, 127.0.0.1, ::1');
  expect(running.output()).toMatch(/the certificate expires in (19|20) days/);
});

describe('what stops the start', () => {
  it('IA-23 another domain while there are passkeys', async () => {
    using other = await createMciasFolder();
    await other.rooms(({ store }) =>
      store.change((writer) => {
        writer.run(
          "INSERT INTO accounts (id, name, type, status, created_at) VALUES ('a', 'ann', 'human', 'enabled', 1)",
        );
        writer.run(
          `INSERT INTO passkeys (id, account_id, h_credential, s_credential, counter, backed_up, name, created_at)
           VALUES ('p', 'a', x'00', x'00', 0, 0, 'key', 1)`,
        );
        writer.run("INSERT INTO meta (key, value, created_at) VALUES ('rp_id', 'old.example.test', 1)");
      }),
    );
    await expect(other.start()).rejects.toThrow(/old\.example\.test.*1 passkeys/s);
  });

  it('IA-71 TLS without its files, and a master key that is not the database’s', async () => {
    using other = await createMciasFolder();
    const before = readFileSync(other.configFile, 'utf8');
    writeFileSync(other.configFile, before.replace(/tls_cert = .*/, 'tls_cert = ""'));
    await expect(other.start()).rejects.toThrow('tls_cert is needed');
    writeFileSync(other.configFile, before);
    const key = join(other.path, 'keys/master.key');
    using stranger = await createMciasFolder();
    writeFileSync(key, readFileSync(join(stranger.path, 'keys/master.key')));
    await expect(other.start()).rejects.toThrow(/master key/);
  });
});
