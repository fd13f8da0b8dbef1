import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { configJsonSchema, formatProblems, loadConfigText, placeText } from '../../../mcdsl/config/index.ts';
import { createSeedCa, type SeedCa } from '../../../mcdsl/seed-pki/index.ts';
import { identityConfig, toSettings } from './index.ts';

let folder: string;
let ca: SeedCa;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mcias-config-'));
  ca = await createSeedCa();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const base =
  '[server]\ntls = "off"\nlisten_addr = "127.0.0.1:8443"\ngrpc_addr = "127.0.0.1:9443"\npublic_url = "https://mcias.example.test"\n';
const load = (text: string, head = base) =>
  loadConfigText(identityConfig, { file: 'mcias.toml', text: `${head}${text}` });
const loaded = (text = '', head = base) => {
  const result = load(text, head);
  if (!result.ok) throw new Error(formatProblems(result.problems));
  return result;
};
/** Each problem as `LINE:COLUMN message`, lines counted after the common head. */
const said = (text: string): string[] => {
  const result = load(text);
  const problems = result.ok ? result.warnings : result.problems;
  return problems.map(({ place, message, severity }) => {
    const [line = '', column = ''] = placeText(place).replace('mcias.toml:', '').split(':');
    return `${severity} ${Number(line) - 5}:${column} ${message}`;
  });
};

describe('mcias.toml', () => {
  it('has the defaults of the specification', () => {
    const { config, warnings } = loaded();
    expect(warnings).toEqual([]);
    expect(config.server).toMatchObject({
      max_body: 65_536,
      shutdown_timeout: 10_000,
      tls_cert: '/srv/mcias/certs/cert.pem',
    });
    expect(config.database.path).toBe('/srv/mcias/mcias.db');
    expect(config.admin.socket).toBe('/srv/mcias/mcias.sock');
    expect(config.metrics.addr).toEqual({ kind: 'tcp', host: '127.0.0.1', port: 9092 });
    expect(config.tokens.system_ttl).toBe(365 * 86_400_000);
    expect(config.auth).toEqual({
      admin_requires_mfa: true,
      step_up_max_age: 900_000,
      mfa_ttl: 300_000,
      reset_ttl: 3_600_000,
    });
    expect([config.password.min_length, config.totp.skew, config.audit.retain]).toEqual([12, 1, 8760 * 3_600_000]);
    expect(config.rate_limit).toEqual({ login_per_minute: 30, login_burst: 10, forwarders: [] });
    expect(config.oidc).toEqual({
      enabled: true,
      device_flow: false,
      access_ttl: 600_000,
      refresh_ttl: 720 * 3_600_000,
      refresh_grace: 10_000,
    });
    expect(toSettings(config)).toMatchObject({
      issuer: 'https://mcias.example.test',
      keySeries: [{ use: 'mcias', alg: 'EdDSA' }],
      keyTimes: { rotateEveryMs: 2160 * 3_600_000, publishAheadMs: 86_400_000 },
      tokenTimes: { humanTtlMs: 3_600_000, renewOverlapMs: 60_000, systemRenewOverlapMs: 86_400_000 },
      sessionTimes: { idleMs: 86_400_000, maxMs: 7 * 86_400_000, adminMaxMs: 12 * 3_600_000 },
      passwords: { params: { memoryKib: 65_536, passes: 3, parallelism: 4 }, memoryCapBytes: 2 ** 28, queue: 64 },
      passkeys: { rpId: 'mcias.example.test', origins: ['https://mcias.example.test'] },
      ssoClients: [],
      oidcClients: [],
    });
  });

  it('has a JSON Schema', () => {
    expect(Object.keys(configJsonSchema(identityConfig).properties ?? {})).toContain('sso_clients');
  });

  it('listens on every address with TLS by default', () => {
    const head = '[server]\npublic_url = "https://mcias.example.test"\n';
    const result = load('', head);
    const problems = result.ok ? [] : result.problems.map(({ message }) => message);
    expect(problems).toEqual([expect.stringMatching(/^\/srv\/mcias\/certs\/cert\.pem /)]);
  });

  it('IA-47 takes the clients of the original platform unchanged', () => {
    const text = `[[sso_clients]]
client_id = "mcq"
redirect_uri = "https://mcq.svc.mcp.metacircular.net/sso/callback"
service_name = "mcq"

[[sso_clients]]
client_id = "mcq"
redirect_uri = "https://mcq.metacircular.net/sso/callback"
service_name = "mcq"
tags = ["env:public"]
`;
    const { config, warnings } = loaded(text);
    expect(warnings).toEqual([]);
    expect(toSettings(config).ssoClients).toEqual([
      {
        clientId: 'mcq',
        redirectUri: 'https://mcq.svc.mcp.metacircular.net/sso/callback',
        serviceName: 'mcq',
        tags: [],
      },
      {
        clientId: 'mcq',
        redirectUri: 'https://mcq.metacircular.net/sso/callback',
        serviceName: 'mcq',
        tags: ['env:public'],
      },
    ]);
  });

  it.each([
    ['[mcias]\nserver_url = "https://x.test"', /^error 1:2 .*mcias/],
    ['[tokens]\nhuman_tll = "1h"', /^error 2:1 .*human_tll/],
    ['[argon2]\nmemory = "18MiB"', /^error 2:10 .*less than 19MiB/],
    ['[argon2]\npasses = 1', /^error 2:10 /],
    ['[argon2]\nmemory = "512MiB"', /^error .*memory_cap is less than memory/],
    ['[totp]\nskew = 2', /^error 2:8 /],
    ['[password]\nmin_length = 7', /^error 2:14 /],
    ['[keys]\nrotate_every = "30h"', /^error .*more than half of rotate_every/],
    ['[rate_limit]\nforwarders = ["10.0.0.0/33"]', /^error 2:15 .*not a network/],
    ['[policy]\nexplain_accounts = ["Mcat"]', /^error 2:21 .*no name/],
    [
      '[webauthn]\nrp_id = "other.test"',
      /^error 2:9 browsers at https:\/\/mcias.example.test refuse passkeys of other.test/,
    ],
    ['[webauthn]\norigins = ["https://a.test"]', /^error 2:12 browsers at https:\/\/a.test refuse/],
    ['[webauthn]\norigins = ["http://mcias.example.test"]', /^error 2:12 .*https/],
    ['[tokens]\nsession_idle = "200h"', /^warning 2:16 .*never counts/],
  ])('says what is wrong with %j', (text, message) => {
    expect(said(text)).toEqual([expect.stringMatching(message)]);
  });

  it('IA-71 refuses plain HTTP on an address that others reach', () => {
    const head =
      '[server]\ntls = "off"\nlisten_addr = ":8443"\ngrpc_addr = ""\npublic_url = "https://mcias.example.test"\n';
    const result = load('', head);
    expect(result.ok ? [] : result.problems.map(({ message }) => message)).toEqual([
      expect.stringMatching(/tls = "off" on an address that others may reach/),
    ]);
  });

  it('warns that an address as public_url switches passkeys off', () => {
    const { config, warnings } = loaded('', base.replace('mcias.example.test', '192.0.2.1'));
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringMatching(/passkeys are off.*192\.0\.2\.1/)]);
    expect(toSettings(config).passkeys).toBeNull();
  });
});

describe('clients of single sign-on', () => {
  const client = (uri: string, service = 'mcq', id = 'mcq') =>
    `[[sso_clients]]\nclient_id = "${id}"\nredirect_uri = "${uri}"\nservice_name = "${service}"\n`;
  const good = 'https://mcq.example.test/sso/callback';

  it.each([
    [client('https://MCQ.example.test/sso/callback'), /^error 3:16 .*as browsers write it/],
    [client('https://mcq.example.test:443/cb'), /^error 3:16 .*as browsers write it/],
    [client('http://mcq.example.test/cb'), /^error 3:16 .*is not https/],
    [client('https://u@mcq.example.test/cb'), /^error 3:16 .*user name/],
    [client('https://mcq.example.test/cb#x'), /^error 3:16 .*fragment/],
    [client('/sso/callback'), /^error 3:16 .*as browsers write it/],
    [client(good, 'mcias'), /^error 4:16 .*no service of its own/],
    [client(good, 'platform'), /^error 4:16 .*no service of its own/],
    [client(good, 'Mcq'), /^error 4:16 .*no name of a service/],
    [client(good, 'mcq', 'mciasctl'), /^error 2:13 .*built in/],
    [client(good, 'mcq', ''), /^error 2:13 /],
    [client(good) + client(good), /^error 7:16 .*this redirect_uri twice/],
    [client(good) + client(`${good}2`, 'mcr'), /^error 8:16 .*two service names/],
    [`${client(good)}tags = ["Env"]`, /^error 5:9 .*no tag/],
    [`${client(good)}secret = "x"`, /^error 5:1 .*secret/],
  ])('are checked: %j', (text, message) => {
    expect(said(text)).toEqual([expect.stringMatching(message)]);
  });

  it('of this machine may use http', () => {
    expect(said(client('http://127.0.0.1:8080/cb'))).toEqual([]);
  });
});

describe('clients of OpenID Connect', () => {
  const client = (lines = '', uri = 'https://app.example.test/cb') =>
    `[[oidc_clients]]\nclient_id = "app"\nredirect_uris = ["${uri}"]\nservice_name = "app"\n${lines}\n`;
  const secret = (mode = 0o600): string => {
    const file = join(folder, `secret-${mode}`);
    writeFileSync(file, 'secret\n');
    chmodSync(file, mode);
    return `client_secret_file = "${file}"`;
  };

  it('are public without a secret, and have the defaults of the specification', () => {
    const { config } = loaded(client());
    expect(toSettings(config)).toMatchObject({
      keySeries: [
        { use: 'mcias', alg: 'EdDSA' },
        { use: 'oidc', alg: 'EdDSA' },
        { use: 'oidc', alg: 'RS256' },
      ],
      oidcClients: [
        {
          clientId: 'app',
          secretFile: null,
          authMethod: 'none',
          applicationType: 'web',
          idTokenAlg: 'RS256',
          scopes: ['openid', 'profile', 'email', 'groups'],
          refreshTokens: false,
          requiresPkce: true,
        },
      ],
    });
    expect(toSettings(loaded(`[oidc]\nenabled = false\n${client()}`).config).oidcClients).toEqual([]);
    expect(toSettings(loaded(client(secret())).config).oidcClients).toMatchObject([
      { authMethod: 'client_secret_basic' },
    ]);
  });

  it.each([
    [() => client('pkce = "off"'), /^error 5:8 .*is public/],
    [() => client(`pkce = "off"\n${secret()}`), /^warning 5:8 .*without PKCE/],
    [() => client(secret(0o644)), /^warning 5:22 .*can be read by other users/],
    [() => client('client_secret_file = "/nowhere/secret"'), /^error 5:22 .*ENOENT/],
    [() => client(`auth_method = "none"\n${secret()}`), /^error 5:15 .*does not use it/],
    [() => client('scopes = ["email"]'), /^error 5:10 .*openid/],
    [() => client('scopes = ["openid", "root"]'), /^error 5:\d+ /],
    [() => client('', 'http://127.0.0.1/cb'), /^error 3:18 .*is not https/],
    [() => client('post_logout_redirect_uris = ["x"]'), /^error 5:30 .*as browsers write it/],
    [() => client() + client(), /^error 7:13 two clients are called app/],
  ])('are checked (%#)', (text, message) => {
    expect(said(text())).toEqual([expect.stringMatching(message)]);
  });

  it('IA-56 that are native may use http on this machine', () => {
    expect(said(client('application_type = "native"', 'http://127.0.0.1/cb'))).toEqual([]);
    expect(said(client('application_type = "native"', 'http://app.example.test/cb'))).toHaveLength(1);
  });
});

describe('the certificate', () => {
  async function warningsOf(names: readonly string[], days: number): Promise<string[]> {
    const pair = await ca.issue({ names, days });
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    writeFileSync(cert, pair.certPem);
    writeFileSync(key, pair.keyPem, { mode: 0o600 });
    const head = `[server]\npublic_url = "https://mcias.example.test:8443"\ntls_cert = "${cert}"\ntls_key = "${key}"\n`;
    return loaded('', head).warnings.map(({ message }) => message);
  }

  it('IA-72 with the public name and those of this machine is fine', async () => {
    expect(await warningsOf(['mcias.example.test', 'localhost', '127.0.0.1', '::1'], 90)).toEqual([]);
    expect(await warningsOf(['*.example.test', 'localhost', '127.0.0.1', '::1'], 90)).toEqual([]);
  });

  it('IA-72 that lacks names is warned of, with the missing ones', async () => {
    expect(await warningsOf(['mcias.example.test'], 90)).toEqual([
      expect.stringMatching(/no entry for localhost, 127\.0\.0\.1, ::1: .*it has mcias\.example\.test/),
    ]);
    expect(await warningsOf(['localhost', '127.0.0.1', '::1'], 90)).toEqual([
      expect.stringMatching(/no entry for mcias\.example\.test:/),
    ]);
  });

  it('IA-72 that ends within 30 days is warned of', async () => {
    const warnings = await warningsOf(['mcias.example.test', 'localhost', '127.0.0.1', '::1'], 29);
    expect(warnings).toContainEqual(expect.stringMatching(/expires in 28 days/));
  });
});
