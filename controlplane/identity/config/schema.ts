import { z } from 'zod';

import {
  adminSection,
  databaseSection,
  defineConfig,
  duration,
  filePath,
  filePathOrNone,
  listenAddressOrOff,
  logSection,
  metricsSection,
  section,
  size,
} from '../../../mcdsl/config/index.ts';
import { httpServerSection, network, publicUrl } from '../../../mcdsl/http/index.ts';
import { checkConfig } from './check.ts';
import { oidcClient, ssoClient } from './clients.ts';
import { accountName, integer, lifetime } from './fields.ts';

const SERVICE = 'mcias';
const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

const server = httpServerSection({ listenAddr: ':8443', maxBody: '64KiB' }).extend({
  grpc_addr: listenAddressOrOff().prefault(':9443').describe('Address of the gRPC API; empty: none.'),
  tls_cert: filePathOrNone().prefault('/srv/mcias/certs/cert.pem').describe('PEM certificate chain.'),
  tls_key: filePathOrNone().prefault('/srv/mcias/certs/key.pem').describe('PEM private key.'),
  public_url: publicUrl().describe('Where browsers find mcias; the default of issuer and of passkeys.'),
  shutdown_timeout: duration().prefault('10s').describe('How long SIGTERM waits for requests in flight.'),
});

const keys = z.strictObject({
  master_key_file: filePath()
    .prefault('/srv/mcias/keys/master.key')
    .describe('The systemd credential mcias-master-key wins over it.'),
  rotate_every: lifetime(day).prefault('2160h').describe('Age at which a new signing key is made.'),
  publish_ahead: lifetime(0, 30 * day)
    .prefault('24h')
    .describe('How long a key is published before it signs.'),
});

const tokens = z.strictObject({
  issuer: z.string().default('').describe('The claim iss; empty: public_url.'),
  human_ttl: lifetime(minute, 30 * day).prefault('1h'),
  system_ttl: lifetime(hour).prefault('8760h').describe('Also the most that a request may ask for.'),
  session_idle: lifetime(5 * minute)
    .prefault('24h')
    .describe('Without validate, renew or page view.'),
  session_max: lifetime(5 * minute)
    .prefault('168h')
    .describe('Absolute end of a session.'),
  admin_session_max: lifetime(5 * minute)
    .prefault('12h')
    .describe('The same for accounts with the role admin.'),
  renew_overlap: lifetime(0, hour).prefault('60s').describe('A renewed token stays valid this long.'),
  system_renew_overlap: lifetime(0, 30 * day).prefault('24h'),
});

const auth = z.strictObject({
  admin_requires_mfa: z.boolean().default(true).describe('An admin without a second factor can only enrol one.'),
  step_up_max_age: lifetime(minute, day).prefault('15m').describe('Greatest age of the login for sensitive changes.'),
  mfa_ttl: lifetime(30 * second, hour)
    .prefault('5m')
    .describe('Life of tickets for second factors and passkeys.'),
  reset_ttl: lifetime(minute, 7 * day)
    .prefault('1h')
    .describe('Life of reset tickets.'),
});

const password = z.strictObject({
  min_length: integer(8, 64, 'a number of code points').default(12),
  blocklist_file: filePathOrNone().prefault('').describe('One password a line that nobody may choose.'),
});

const argon2 = z.strictObject({
  memory: size({ minBytes: 19 * 2 ** 20, maxBytes: 4 * 2 ** 30 }).prefault('64MiB'),
  passes: integer(2, 64, 'a number of passes').default(3),
  parallelism: integer(1, 64, 'a number of lanes').default(4),
  memory_cap: size({ maxBytes: 64 * 2 ** 30 })
    .prefault('256MiB')
    .describe('Bounds the hashes that run at once.'),
  queue: integer(0, 100_000, 'a number of waiting logins').default(64),
  queue_timeout: duration({ minMs: 100 }).prefault('5s').describe('Who waits longer is told that mcias is busy.'),
});

const webauthn = z.strictObject({
  rp_id: z.string().default('').describe('Domain of passkeys; empty: host of public_url.'),
  origins: z.array(publicUrl()).default([]).describe('Origins of pages with passkeys; empty: public_url.'),
});

const rateLimit = z.strictObject({
  login_per_minute: integer(1, 1_000_000, 'logins a minute and address').default(30),
  login_burst: integer(1, 1_000_000, 'logins at once').default(10),
  forwarders: z.array(network()).default([]).describe('Services whose client_ip is believed.'),
});

const policy = z.strictObject({
  explain_accounts: z.array(accountName()).default([]).describe('System accounts that may use dry_run and explain.'),
});

const oidc = z.strictObject({
  enabled: z.boolean().default(true).describe('Loaded only when there are oidc_clients.'),
  device_flow: z.boolean().default(false),
  access_ttl: lifetime(minute, day).prefault('10m'),
  refresh_ttl: lifetime(hour).prefault('720h'),
  refresh_grace: lifetime(0, minute).prefault('10s').describe('A rotated refresh token may repeat this long.'),
});

/** mcias.toml. There is no section [mcias]: mcias depends on no other service. */
const schema = z.strictObject({
  server,
  database: section(databaseSection(SERVICE)),
  admin: section(adminSection(SERVICE)),
  metrics: section(metricsSection('127.0.0.1:9092')),
  log: section(logSection()),
  keys: section(keys),
  tokens: section(tokens),
  auth: section(auth),
  password: section(password),
  argon2: section(argon2),
  totp: section(z.strictObject({ skew: integer(0, 1, 'steps either side').default(1) })),
  webauthn: section(webauthn),
  rate_limit: section(rateLimit),
  policy: section(policy),
  audit: section(z.strictObject({ retain: lifetime(day).prefault('8760h').describe('Older entries are pruned.') })),
  oidc: section(oidc),
  sso_clients: z.array(ssoClient).default([]),
  oidc_clients: z.array(oidcClient).default([]),
});

export type IdentityConfig = z.output<typeof schema>;

export const identityConfig = defineConfig({ service: SERVICE, schema, check: checkConfig });
