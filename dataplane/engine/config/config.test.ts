import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { formatProblems, loadConfigText, placeText } from '../../../mcdsl/config/index.ts';
import { EXPIRED, makePemDir, type PemDir } from '../certificates/test/pem-dir.ts';
import { proxyConfig, toDesired } from './index.ts';

let dir: PemDir;
beforeAll(async () => {
  dir = await makePemDir();
});
afterAll(() => dir[Symbol.dispose]());

function load(text: string) {
  return loadConfigText(proxyConfig, { file: 'mc-proxy.toml', text });
}

function desired(text: string) {
  const loaded = load(text);
  if (!loaded.ok) throw new Error(formatProblems(loaded.problems));
  return { ...toDesired(loaded), warnings: loaded.warnings.map((problem) => problem.message) };
}

/** Every error as `LINE:COLUMN message`. */
function errors(text: string): string[] {
  const loaded = load(text);
  const problems = loaded.ok ? [] : loaded.problems.filter((problem) => problem.severity === 'error');
  return problems.map((problem) => `${placeText(problem.place).replace('mc-proxy.toml:', '')} ${problem.message}`);
}

function route(lines: string): string {
  return `[[listeners]]\naddr = ":443"\n[[listeners.routes]]\n${lines}\n`;
}

const L4 = 'hostname = "app.example.test"\nbackend = "10.0.0.7:8443"\nmode = "l4"';

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

describe('checks of listeners', () => {
  it.each([
    ['addr = "443"', /^2:8 .*no port/],
    ['addr = "edge.example.test:443"', /^2:8 .*is a name; a listener needs an IP address/],
    ['addr = "2001:db8::1:443"', /^2:8 /],
    ['addr = ":70000"', /^2:8 .*65535/],
    ['addr = "fd:"', /^2:8 /],
    ['addr = ":443"\n[[listeners]]\naddr = ":443"', /^4:8 two listeners have the address/],
    ['addr = ":443"\n[[listeners]]\naddr = "0.0.0.0:443"', /^4:8 two listeners have the address/],
    ['addr = "[2001:db8::1]:443"\n[[listeners]]\naddr = "[2001:db8:0::1]:443"', /^4:8 two listeners have the address/],
    ['addr = ":443"\nproxy_protocol = true', /^3:18 proxy_protocol without trusted_proxies/],
    ['addr = ":443"\ntrusted_proxies = ["192.0.2.0/24"]', /^3:19 trusted_proxies has no effect without proxy_protocol/],
    ['addr = ":443"\nproxy_protocol = true\ntrusted_proxies = ["192.0.2.1"]', /^4:20 .*192\.0\.2\.1\/32/],
    ['addr = ":443"\nproxy_protocol = true\ntrusted_proxies = ["192.0.2.1/24"]', /^4:20 .*host bits/],
    ['addr = ":443"\ndefault_route = "app.example.test"', /^3:17 the listener has no route app.example.test/],
    ['addr = ":443"\ndefault_route = "192.0.2.1"', /^3:17 .*IP address/],
    ['addr = ":443"\nmax_connections = -1', /^3:19 /],
  ])('refuses %j', (lines, message) => {
    expect(errors(`[[listeners]]\n${lines}\n`)).toEqual([expect.stringMatching(message)]);
  });

  it.each([':443', '127.0.0.1:8443', '[::1]:8443', 'localhost:8443', 'fd:public', '127.0.0.1:0'])(
    'takes %s',
    (addr) => {
      expect(desired(`[[listeners]]\naddr = "${addr}"`).configured.listeners[0]?.spec.addr).toBe(addr);
    },
  );

  it('takes an address beside the wildcard of its port', () => {
    expect(errors('[[listeners]]\naddr = ":443"\n[[listeners]]\naddr = "192.0.2.1:443"\n')).toEqual([]);
  });
});

describe('checks of routes', () => {
  it.each([
    ['hostname = ""\nbackend = "a:1"\nmode = "l4"', /^4:12 the hostname is empty/],
    ['hostname = "192.0.2.1"\nbackend = "a:1"\nmode = "l4"', /^4:12 .*is an IP address/],
    ['hostname = "[::1]"\nbackend = "a:1"\nmode = "l4"', /^4:12 .*is an IP address/],
    ['hostname = "a.test:443"\nbackend = "a:1"\nmode = "l4"', /^4:12 .*has a port/],
    ['hostname = "https://a.test"\nbackend = "a:1"\nmode = "l4"', /^4:12 .*is a URL/],
    ['hostname = "a.*.test"\nbackend = "a:1"\nmode = "l4"', /^4:12 .*wildcard/],
    ['hostname = "*.*.test"\nbackend = "a:1"\nmode = "l4"', /^4:12 .*wildcard/],
    ['hostname = "*"\nbackend = "a:1"\nmode = "l4"', /^4:12 .*wildcard/],
    ['hostname = "xn--a"\nbackend = "a:1"\nmode = "l4"', /^4:12 .*is not a host name/],
    ['hostname = "a b"\nbackend = "a:1"\nmode = "l4"', /^4:12 .*is not a host name/],
    ['hostname = "a.test"\nmode = "l4"', /^3:1 the route has no backend/],
    ['hostname = "a.test"\nbackends = []\nmode = "l4"', /^5:12 the route has no backend/],
    ['hostname = "a.test"\nbackends = ["a:1", "b"]\nmode = "l4"', /^5:20 backend "b" has no port/],
    ['hostname = "a.test"\nbackend = "a:0"\nmode = "l4"', /^5:11 .*port 0/],
    ['hostname = "a.test"\nbackend = "a:1"\nbackends = ["b:1"]\nmode = "l4"', /^6:1 .*either backend or backends/],
    ['hostname = "a.test"\nbackend = "a:1"\nmode = "l5"', /^6:8 /],
    [`${L4}\ntls_cert = "/x"`, /^7:12 tls_cert has no effect on an l4 route/],
    [`${L4}\nbackend_tls = true`, /^7:15 backend_tls has no effect on an l4 route/],
    [`${L4}\nbackend_protocol = "h2c"`, /^7:20 backend_protocol has no effect on an l4 route/],
    [`${L4}\nforwarded_headers = "append"`, /^7:21 forwarded_headers has no effect on an l4 route/],
    [`${L4}\n[listeners.routes.policies]\nblock_user_agents = ["x"]`, /^8:21 block_user_agents has no effect/],
    [`${L4}\n[listeners.routes.policies]\nrequire_headers = ["a b"]`, /^8:20 .*not the name of a header field/],
  ])('refuses %j', (lines, message) => {
    expect(errors(route(lines))).toEqual([expect.stringMatching(message)]);
  });

  it('takes the defaults written out on an l4 route', () => {
    expect(errors(route(`${L4}\ntls_cert = ""\nbackend_tls = false\nbackend_verify = "none"`))).toEqual([]);
  });

  it('refuses an l7 route without certificate, or with one that cannot be served', async () => {
    const l7 = L4.replace('l4', 'l7');
    expect(errors(route(l7))).toEqual([
      expect.stringContaining('needs tls_cert'),
      expect.stringContaining('needs tls_key'),
    ]);
    const good = await dir.pair('app.example.test');
    const other = await dir.pair('other.example.test');
    const old = await dir.pair('old', ['app.example.test'], EXPIRED);
    const withFiles = (cert: string, key: string, more = ''): string =>
      route(`${l7}\ntls_cert = "${cert}"\ntls_key = "${key}"\n${more}`);
    expect(errors(withFiles(good.tlsCert, good.tlsKey))).toEqual([]);
    expect(errors(withFiles(good.tlsCert, other.tlsKey))).toEqual([expect.stringMatching(/^8:11 .*does not belong/)]);
    expect(errors(withFiles(old.tlsCert, old.tlsKey))).toEqual([expect.stringMatching(/^7:12 .*expired on/)]);
    expect(desired(withFiles(other.tlsCert, other.tlsKey)).warnings).toEqual([
      expect.stringContaining('covers other.example.test'),
    ]);
    const line = (more: string): string[] => errors(withFiles(good.tlsCert, good.tlsKey, more));
    expect(line('backend_verify = "ca"')).toEqual([expect.stringMatching(/^9:18 .*needs TLS to the backend/)]);
    expect(line('backend_protocol = "h2"')).toEqual([expect.stringMatching(/^9:20 .*over TLS/)]);
    expect(line('backend_tls = true\nbackend_protocol = "h2c"')).toEqual([
      expect.stringMatching(/^10:20 .*clear text/),
    ]);
    expect(line(`client_ca = "${dir.path('absent')}"`)).toEqual([expect.stringMatching(/^9:13 .*ENOENT/)]);
    const verified = 'backend_tls = true\nbackend_verify = "ca"';
    expect(line(`${verified}\nbackend_ca = "${good.tlsKey}"`)).toEqual([
      expect.stringMatching(/^11:14 .*no PEM certificate/),
    ]);
    expect(line(verified)).toEqual([]);
  });
});

describe('checks of the other sections', () => {
  it.each([
    ['[proxy]\nworkers = 257', /^2:11 /],
    ['[proxy]\nworkers = -1', /^2:11 /],
    ['[proxy]\nconnect_timeout = 5', /^2:19 /],
    ['[proxy]\nconnect_timeout = "0s"', /^2:19 /],
    ['[proxy]\nmax_body = "64MB"', /^2:12 .*64MiB/],
    ['[firewall]\nrate_prefix_v4 = 33', /^2:18 /],
    ['[firewall]\nrate_window = "1ms"', /^2:15 /],
    ['[firewall]\nblocked_ips = ["192.0.2.0/24"]', /^2:16 .*blocked_cidrs/],
    ['[firewall]\nblocked_countries = ["ZZ"]', /^2:22 .*ISO 3166-1/],
    ['[tls]\ngroups = "X25519:P-25"', /^2:10 OpenSSL knows no key-exchange group "P-25"/],
    ['[tls]\ngroups = ""', /^2:10 /],
    ['[access_log]\nsample = 1.5', /^2:10 /],
    ['[log]\nlevel = "loud"', /^2:9 /],
    ['[admin]\nmode = "rw"', /^2:8 /],
  ])('refuses %j', (text, message) => {
    expect(errors(text)).toEqual([expect.stringMatching(message)]);
  });

  it('starts without the country database, and says what is not blocked meanwhile', () => {
    const { warnings } = desired(`[firewall]\ngeoip_db = "${dir.path('none.mmdb')}"\nblocked_countries = ["KP"]`);
    expect(warnings).toEqual([expect.stringContaining('no country is blocked until it can be read')]);
  });
});
