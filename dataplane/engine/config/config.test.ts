import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { formatProblems } from '../../../mcdsl/config/index.ts';
import { makePemDir, type PemDir } from '../certificates/test/pem-dir.ts';
import { load, desired, errors } from './test/config-text.ts';

let dir: PemDir;
beforeAll(async () => {
  dir = await makePemDir();
});
afterAll(() => dir[Symbol.dispose]());

/** Section 3.2 of the plan for the public edge, with other paths. */
async function seedFile(): Promise<string> {
  const { tlsCert, tlsKey } = await dir.pair('metacrypt', ['metacrypt.metacircular.net']);
  return `
[database]
path = "${dir.path('mc-proxy.db')}"
# Public HTTPS — L7 termination for metacrypt web UI.
[[listeners]]
addr = ":443"
[[listeners.routes]]
hostname = "metacrypt.metacircular.net"
backend = "100.95.252.120:18080"
mode = "l7"
tls_cert = "${tlsCert}"
tls_key = "${tlsKey}"
backend_tls = true
# Firewall — internet-facing, aggressive blocking.
[firewall]
geoip_db = "${dir.path('GeoLite2-Country.mmdb')}"
blocked_ips = []
blocked_cidrs = []
blocked_countries = []
rate_limit = 20
rate_window = "10s"
# No gRPC admin API on svc (managed via config file only).
[proxy]
connect_timeout = "5s"
idle_timeout = "300s"
shutdown_timeout = "30s"
[log]
level = "info"
`;
}

describe('mc-proxy.toml', () => {
  it('loads the configuration of the first edge unchanged', async () => {
    const { configured, process, warnings } = desired(await seedFile());
    expect(configured.listeners).toMatchObject([
      {
        spec: {
          addr: ':443',
          proxyProtocol: false,
          trustedProxies: [],
          defaultRoute: '',
          maxConnections: 0,
          redirectHttp: false,
        },
        routes: [
          {
            spec: {
              hostname: 'metacrypt.metacircular.net',
              backends: ['100.95.252.120:18080'],
              mode: 'l7',
              backendTls: true,
              backendVerify: 'none',
              backendProtocol: 'auto',
              forwardedHeaders: 'set',
              policies: { blockUserAgents: [], requireHeaders: [] },
            },
          },
        ],
      },
    ]);
    expect(configured.rateLimit).toEqual({ limit: 20, windowMs: 10_000 });
    expect(configured.place(configured.listeners[0]?.routes[0]?.path ?? [])).toMatch(/^mc-proxy.toml:7:/);
    expect(process).toMatchObject({ databasePath: dir.path('mc-proxy.db'), logLevel: 'info', workers: 0 });
    expect(warnings).toEqual([
      expect.stringContaining("the backend's certificate is not verified (metacrypt.metacircular.net)"),
      expect.stringContaining('GeoLite2-Country.mmdb cannot be read (ENOENT)'),
    ]);
  });

  it('has the documented defaults for everything', () => {
    const { configured, process } = desired('');
    expect(configured).toMatchObject({
      listeners: [],
      rules: [],
      rateLimit: { limit: 0, windowMs: 10_000 },
      ratePrefixV4: 32,
      ratePrefixV6: 64,
      settings: {
        connectTimeoutMs: 5_000,
        idleTimeoutMs: 300_000,
        shutdownTimeoutMs: 30_000,
        helloTimeoutMs: 5_000,
        helloMaxBytes: 16_384,
        headerTimeoutMs: 10_000,
        bodyTimeoutMs: 60_000,
        maxHeaderBytes: 32_768,
        maxHeaderCount: 100,
        maxBodyBytes: 0,
        maxStreams: 128,
        ticketRotationMs: 43_200_000,
        tlsGroups: 'X25519MLKEM768:X25519:P-256',
      },
    });
    expect(process).toEqual({
      configFile: 'mc-proxy.toml',
      databasePath: '/srv/mc-proxy/mc-proxy.db',
      adminSocket: { path: '/srv/mc-proxy/mc-proxy.sock', mode: 0o660, group: '' },
      metricsAddress: { kind: 'tcp', host: '127.0.0.1', port: 9091 },
      statusPage: true,
      accessLog: { enabled: true, sample: 1 },
      logLevel: 'info',
      geoipDb: '',
      workers: 0,
    });
  });

  it('takes [grpc] addr for the admin socket', () => {
    expect(desired('[grpc]\naddr = "/run/x.sock"').process.adminSocket.path).toBe('/run/x.sock');
  });

  it('reads every key of a route and normalises names, networks and countries', async () => {
    const files = await dir.pair('full', ['*.xn--bcher-kva.example']);
    const ca = dir.write('ca.pem', dir.ca.certPem);
    const { configured, warnings } = desired(`
[[listeners]]
addr = "[2001:db8::1]:443"
proxy_protocol = true
trusted_proxies = ["192.0.2.0/24", "2001:DB8:0::/32"]
default_route = "*.Bücher.Example."
max_connections = 5
redirect_http = true
[[listeners.routes]]
hostname = "*.BÜCHER.example"
backends = ["10.0.0.7:8443", "[fd00::7]:1", "app.internal:80"]
mode = "l7"
send_proxy_protocol = true
tls_cert = "${files.tlsCert}"
tls_key = "${files.tlsKey}"
backend_tls = true
backend_verify = "ca"
backend_ca = "${ca}"
backend_server_name = "App.Internal"
backend_protocol = "h2"
client_ca = "${ca}"
forwarded_headers = "append"
health_check = "http"
health_interval = "1m"
health_timeout = "10s"
health_path = "/ready"
health_host = "App.Internal:80"
health_fall = 5
health_rise = 1
origin = "config"
[listeners.routes.policies]
block_user_agents = ["zgrab", "ZGRAB", "Nuclei"]
require_headers = ["X-Api-Key"]
[firewall]
blocked_ips = ["::ffff:192.0.2.9"]
blocked_cidrs = ["198.51.100.0/24"]
blocked_countries = ["kp"]
allowed_cidrs = ["10.0.0.0/8"]
`);
    expect(configured.listeners[0]).toMatchObject({
      spec: {
        addr: '[2001:db8::1]:443',
        proxyProtocol: true,
        trustedProxies: ['192.0.2.0/24', '2001:db8::/32'],
        defaultRoute: '*.xn--bcher-kva.example',
        maxConnections: 5,
        redirectHttp: true,
      },
      routes: [
        {
          spec: {
            hostname: '*.xn--bcher-kva.example',
            backends: ['10.0.0.7:8443', '[fd00::7]:1', 'app.internal:80'],
            sendProxyProtocol: true,
            backendVerify: 'ca',
            backendServerName: 'app.internal',
            backendProtocol: 'h2',
            clientCa: ca,
            forwardedHeaders: 'append',
            health: {
              check: 'http',
              intervalMs: 60_000,
              timeoutMs: 10_000,
              path: '/ready',
              host: 'app.internal:80',
              fall: 5,
              rise: 1,
            },
            policies: { blockUserAgents: ['zgrab', 'Nuclei'], requireHeaders: ['x-api-key'] },
          },
        },
      ],
    });
    expect(configured.rules.map(({ rule }) => rule)).toEqual([
      { kind: 'blocked_ip', value: '192.0.2.9' },
      { kind: 'blocked_cidr', value: '198.51.100.0/24' },
      { kind: 'blocked_country', value: 'KP' },
      { kind: 'allowed_cidr', value: '10.0.0.0/8' },
    ]);
    expect(warnings).toEqual([expect.stringContaining('blocked_countries has no effect without geoip_db')]);
  });

  it('names every mistake of section 4 with its place in one run', async () => {
    const text = `[[listeners]]
addr = ":443"
proxy_protocol = false
colour = "blue"
[[listeners.routes]]
hostname = "app.example.test"
backend = "10.0.0.7"
mode = "l4"
[[listeners.routes]]
hostname = "APP.example.test."
backend = "10.0.0.7:80"
mode = "l7"
tls_cert = "${dir.path('absent.pem')}"
tls_key = "${dir.path('absent.key')}"
[firewall]
blocked_cidrs = ["192.0.2.1/24", "x"]
blocked_countries = ["UK"]
`;
    expect(errors(text)).toEqual([
      expect.stringMatching(/^4:1 unknown key "colour"/),
      '7:11 backend "10.0.0.7" has no port',
      '10:12 two routes of :443 have the hostname app.example.test',
      expect.stringMatching(/^13:12 .*absent.pem cannot be read \(ENOENT\)/),
      '16:18 "192.0.2.1/24" has host bits set; the network is 192.0.2.0/24',
      '16:34 "x" is not an IP address',
      '17:22 "UK" is not an ISO 3166-1 alpha-2 country code; the United Kingdom is GB',
    ]);
    const loaded = load(text);
    const printed = loaded.ok ? '' : formatProblems(loaded.problems);
    expect(printed).toContain('did you mean "192.0.2.0/24"?');
    expect(printed).toContain('the first route at mc-proxy.toml:6:12');
  });
});
