import { isIP } from 'node:net';
import { z } from 'zod';
import {
  adminSection,
  databaseSection,
  defineConfig,
  duration,
  expecting,
  filePath,
  filePathOrNone,
  hostPort,
  listenAddress,
  logSection,
  metricsSection,
  section,
  serverSection,
  size,
} from '../index.ts';

/** A definition of the size and shape that servers have, for the tests of this folder. */
export const example = defineConfig({
  service: 'mc-proxy',
  aliases: [{ from: ['grpc', 'addr'], to: ['admin', 'socket'] }],
  schema: z.object({
    database: databaseSection('mc-proxy'),
    admin: section(adminSection('mc-proxy')),
    listeners: z
      .array(
        z.object({
          addr: listenAddress(),
          proxy_protocol: z.boolean().default(false),
          routes: z
            .array(
              z.object({
                hostname: z.string().min(1),
                backend: hostPort(),
                mode: z.enum(['l4', 'l7']),
                tls_cert: filePathOrNone().prefault(''),
                tls_key: filePathOrNone().prefault(''),
                backend_tls: z.boolean().default(false),
                policies: section(z.object({ block_user_agents: z.array(z.string()).default([]) })),
              }),
            )
            .default([]),
        }),
      )
      .default([]),
    firewall: section(
      z.object({
        geoip_db: filePath().optional(),
        blocked_ips: z
          .array(
            expecting(
              z.string().refine((text) => isIP(text) !== 0, { error: 'not an IP address' }),
              'an IP address',
            ),
          )
          .default([]),
        blocked_cidrs: z.array(z.string()).default([]),
        blocked_countries: z.array(z.string().regex(/^[A-Z]{2}$/, { error: 'not a country code' })).default([]),
        rate_limit: z.int().min(0).default(0),
        rate_window: duration({ minMs: 1 }).prefault('10s'),
      }),
    ),
    proxy: section(
      z.object({
        connect_timeout: duration().prefault('5s'),
        idle_timeout: duration().prefault('300s'),
        shutdown_timeout: duration().prefault('30s'),
        hello_max: size({ maxBytes: 2 ** 20 }).prefault('16KiB'),
        sample: z.number().min(0).max(1).default(1),
      }),
    ),
    server: section(serverSection()),
    metrics: section(metricsSection('127.0.0.1:9091').extend({ status_page: z.boolean().default(true) })),
    log: section(logSection()),
  }),
  check(config, report) {
    for (const [index, listener] of config.listeners.entries()) {
      const first = new Map<string, number>();
      for (const [route, { hostname, mode, tls_cert }] of listener.routes.entries()) {
        const path = ['listeners', index, 'routes', route];
        const other = first.get(hostname);
        if (other !== undefined) {
          report([...path, 'hostname'], `a second route for "${hostname}"`, {
            related: { path: ['listeners', index, 'routes', other, 'hostname'], message: 'the first one is' },
          });
        }
        first.set(hostname, other ?? route);
        if (mode === 'l7' && tls_cert === '') report([...path, 'tls_cert'], 'an l7 route needs a certificate');
      }
    }
    if (config.firewall.rate_limit > 10_000) {
      report(['firewall', 'rate_limit'], 'this limit hardly limits', { severity: 'warning' });
    }
  },
});

/** The configuration of `svc` in the platform's deployment plan, §3.2. */
export const svcConfig = `[database]
path = "/srv/mc-proxy/mc-proxy.db"
# Public HTTPS: L7 termination.
[[listeners]]
addr = ":443"
[[listeners.routes]]
hostname = "metacrypt.metacircular.net"
backend = "100.95.252.120:18080"
mode = "l7"
tls_cert = "/srv/mc-proxy/certs/metacrypt.metacircular.net.pem"
tls_key = "/srv/mc-proxy/certs/metacrypt.metacircular.net.key"
backend_tls = true
# Firewall: internet-facing.
[firewall]
geoip_db = "/srv/mc-proxy/GeoLite2-Country.mmdb"
blocked_ips = []
blocked_cidrs = []
blocked_countries = []
rate_limit = 20
rate_window = "10s"
[proxy]
connect_timeout = "5s"
idle_timeout = "300s"
shutdown_timeout = "30s"
[log]
level = "info"
`;
