import { z } from 'zod';
import {
  adminSection,
  databaseSection,
  defineConfig,
  duration,
  expecting,
  filePathOrNone,
  logSection,
  metricsSection,
  section,
  size,
} from '../../../mcdsl/config/index.ts';
import { checkConfig } from './check.ts';
import { MAX_RATE_LIMIT, MAX_RATE_WINDOW_MS, MIN_RATE_WINDOW_MS } from './rate-limit.ts';
import {
  HEALTH_CHECKS,
  MAX_HEALTH_COUNT,
  MAX_HEALTH_INTERVAL_MS,
  MAX_HEALTH_TIMEOUT_MS,
  MIN_HEALTH_INTERVAL_MS,
  MIN_HEALTH_TIMEOUT_MS,
} from './health.ts';
import { BACKEND_PROTOCOLS, BACKEND_VERIFY, FORWARDED_HEADERS, ROUTE_MODES } from './route.ts';

const SERVICE = 'mc-proxy';

const strings = z.array(z.string());

function integer(min: number, max: number, words: string) {
  return expecting(z.int().min(min).max(max), `${words}, from ${min} to ${max}`);
}

const policies = z.strictObject({
  block_user_agents: strings
    .default([])
    .describe('Substrings of the User-Agent, without regard to case, answered with 403.'),
  require_headers: strings.default([]).describe('Header fields that a request must carry, else 403.'),
});

const route = z.strictObject({
  hostname: z.string().describe('The exact name, or "*." and a name for one label more.'),
  backend: z.string().optional().describe('host:port of the only backend.'),
  backends: strings.optional().describe('host:port of each backend.'),
  mode: z.enum(ROUTE_MODES).describe('l4 relays TLS unopened; l7 terminates it and proxies HTTP.'),
  send_proxy_protocol: z.boolean().default(false).describe('Send a PROXY v2 header to the backend.'),
  tls_cert: filePathOrNone().prefault('').describe('l7: PEM certificate chain.'),
  tls_key: filePathOrNone().prefault('').describe('l7: PEM private key.'),
  backend_tls: z.boolean().default(false).describe('l7: TLS to the backend.'),
  backend_verify: z.enum(BACKEND_VERIFY).default('none').describe("l7: whether the backend's certificate is verified."),
  backend_ca: filePathOrNone()
    .prefault('')
    .describe('PEM file of the CAs of the backend; empty: the roots of the system.'),
  backend_server_name: z.string().default('').describe("SNI and name to verify; empty: the route's hostname."),
  backend_protocol: z.enum(BACKEND_PROTOCOLS).default('auto').describe('l7: the HTTP version spoken to the backend.'),
  client_ca: filePathOrNone().prefault('').describe('l7: PEM file of the CAs that client certificates must come from.'),
  forwarded_headers: z
    .enum(FORWARDED_HEADERS)
    .default('set')
    .describe('l7: append keeps X-Forwarded-* of clients behind a trusted PROXY hop.'),
  health_check: z
    .enum(HEALTH_CHECKS)
    .default('off')
    .describe(
      'Ask the backends whether they serve: by a connection (with backend_tls its handshake), or by a request (l7).',
    ),
  health_interval: duration({ minMs: MIN_HEALTH_INTERVAL_MS, maxMs: MAX_HEALTH_INTERVAL_MS })
    .prefault('5s')
    .describe('Between two checks of a backend, give or take a tenth.'),
  health_timeout: duration({ minMs: MIN_HEALTH_TIMEOUT_MS, maxMs: MAX_HEALTH_TIMEOUT_MS })
    .optional()
    .describe('For a whole check; left out: 2s, or health_interval if that is less.'),
  health_path: z.string().default('/').describe('http: what is asked for by GET; any 2xx or 3xx passes.'),
  health_host: z.string().default('').describe("http: the Host; empty: the route's hostname."),
  health_fall: integer(1, MAX_HEALTH_COUNT, 'a number of checks').default(3).describe('Failures in a row: down.'),
  health_rise: integer(1, MAX_HEALTH_COUNT, 'a number of checks').default(2).describe('Passes in a row: up again.'),
  origin: z.enum(['config', 'api']).default('config').describe('Written by export; ignored here.'),
  policies: section(policies),
});

const listener = z.strictObject({
  addr: z.string().describe('host:port, [v6]:port, :port (dual stack) or fd:NAME (socket activation).'),
  proxy_protocol: z
    .boolean()
    .default(false)
    .describe('Require a PROXY header from trusted_proxies, refuse all others.'),
  trusted_proxies: strings.default([]).describe('Networks (CIDR) whose PROXY headers count.'),
  default_route: z
    .string()
    .default('')
    .describe('Host name of the route for clients without SNI or match; empty: refuse.'),
  max_connections: integer(0, 10_000_000, 'a number of connections (0: the limit of the process)').default(0),
  redirect_http: z.boolean().default(false).describe('Answer clear HTTP with 308 to https instead of RST.'),
  routes: z.array(route).default([]),
});

const firewall = z.strictObject({
  geoip_db: filePathOrNone().prefault('').describe('MaxMind country database; empty: none.'),
  blocked_ips: strings.default([]),
  blocked_cidrs: strings.default([]),
  blocked_countries: strings.default([]).describe('ISO 3166-1 alpha-2.'),
  allowed_cidrs: strings.default([]).describe('Never blocked, never rate limited.'),
  rate_limit: integer(0, MAX_RATE_LIMIT, 'connections per address and window (0: off)').default(0),
  rate_window: duration({ minMs: MIN_RATE_WINDOW_MS, maxMs: MAX_RATE_WINDOW_MS }).prefault('10s'),
  rate_prefix_v4: integer(1, 32, 'a prefix length').default(32),
  rate_prefix_v6: integer(1, 128, 'a prefix length').default(64),
});

const proxy = z.strictObject({
  connect_timeout: duration({ minMs: 1 }).prefault('5s'),
  idle_timeout: duration({ minMs: 1 }).prefault('300s'),
  shutdown_timeout: duration().prefault('30s'),
  hello_timeout: duration({ minMs: 1 }).prefault('5s').describe('PROXY header and ClientHello, from accept, absolute.'),
  hello_max: size({ minBytes: 1024, maxBytes: 1024 * 1024 }).prefault('16KiB'),
  header_timeout: duration({ minMs: 1 }).prefault('10s'),
  body_timeout: duration({ minMs: 1 }).prefault('60s').describe('Without progress.'),
  max_header_bytes: size({ minBytes: 1024, maxBytes: 16 * 1024 * 1024 }).prefault('32KiB'),
  max_header_count: integer(8, 100_000, 'a number of header fields').default(100),
  max_body: size().prefault('0').describe('0: unlimited.'),
  max_streams: integer(1, 1_000_000, 'a number of streams').default(128),
  workers: integer(0, 256, 'a number of workers (0: one a core)').default(0),
});

const tls = z.strictObject({
  ticket_rotation: duration({ minMs: 60_000 }).prefault('12h'),
  groups: z
    .string()
    .default('X25519MLKEM768:X25519:P-256')
    .describe('Key-exchange groups by preference, joined by colons.'),
});

const accessLog = z.strictObject({
  enabled: z.boolean().default(true),
  sample: expecting(z.number().min(0).max(1), 'a share from 0 to 1').default(1).describe('Refusals are always logged.'),
});

/** mc-proxy.toml, as the specification of the configuration file has it. */
const schema = z.strictObject({
  database: section(databaseSection(SERVICE)),
  admin: section(adminSection(SERVICE)),
  listeners: z.array(listener).default([]),
  firewall: section(firewall),
  proxy: section(proxy),
  tls: section(tls),
  metrics: section(metricsSection('127.0.0.1:9091').extend({ status_page: z.boolean().default(true) })),
  access_log: section(accessLog),
  log: section(logSection()),
});

export type ProxyConfig = z.output<typeof schema>;
export type ListenerConfig = ProxyConfig['listeners'][number];
export type RouteConfig = ListenerConfig['routes'][number];

export const proxyConfig = defineConfig({
  service: SERVICE,
  schema,
  aliases: [{ from: ['grpc', 'addr'], to: ['admin', 'socket'] }],
  check: checkConfig,
});
