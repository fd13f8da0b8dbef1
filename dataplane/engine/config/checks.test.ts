import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { EXPIRED, makePemDir, type PemDir } from '../certificates/test/pem-dir.ts';
import { desired, errors, route, L4 } from './test/config-text.ts';

let dir: PemDir;
beforeAll(async () => {
  dir = await makePemDir();
});
afterAll(() => dir[Symbol.dispose]());

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
    [`${L4}\nhealth_check = "ping"`, /^7:16 .*"off", "tcp".*"http"|^7:16 /],
    [`${L4}\nhealth_check = "http"`, /^7:16 health_check = "http" has no effect on an l4 route/],
    [`${L4}\nhealth_check = "tcp"\nhealth_interval = "50ms"`, /^8:19 /],
    [`${L4}\nhealth_check = "tcp"\nhealth_timeout = "6s"`, /^8:18 health_timeout \(6s\) is longer than .*\(5s\)/],
    [`${L4}\nhealth_check = "tcp"\nhealth_fall = 0`, /^8:15 /],
    [`${L4}\nhealth_path = "ready"`, /^7:15 "ready" is no path of a request/],
    [`${L4}\nhealth_host = "a b"`, /^7:15 "a b" is no Host/],
    [`${L4}\n[listeners.routes.policies]\nblock_user_agents = ["x"]`, /^8:21 block_user_agents has no effect/],
    [`${L4}\n[listeners.routes.policies]\nrequire_headers = ["a b"]`, /^8:20 .*not the name of a header field/],
  ])('refuses %j', (lines, message) => {
    expect(errors(route(lines))).toEqual([expect.stringMatching(message)]);
  });

  it('PX-7 says what a health check on a wildcard route lacks, and warns of keys without effect', async () => {
    const pair = await dir.pair('wild', ['*.example.test']);
    const wildcard = `hostname = "*.example.test"\nbackend = "a:1"\nmode = "l7"
tls_cert = "${pair.tlsCert}"\ntls_key = "${pair.tlsKey}"\nhealth_check = "http"`;
    expect(errors(route(wildcard))).toEqual([expect.stringMatching(/^9:16 .*wildcard route has no host to ask for/)]);
    expect(errors(route(`${wildcard}\nhealth_host = "app.example.test:8080"`))).toEqual([]);
    expect(desired(route(`${L4}\nhealth_fall = 5`)).warnings).toEqual(['has no effect without health_check']);
    expect(desired(route(`${L4}\nhealth_check = "tcp"\nhealth_path = "/x"`)).warnings).toEqual([
      'has no effect without health_check = "http"',
    ]);
  });

  it('PX-7 lets health_timeout follow a shorter health_interval', () => {
    const { configured } = desired(route(`${L4}\nhealth_check = "tcp"\nhealth_interval = "500ms"`));
    expect(configured.listeners[0]?.routes[0]?.spec.health).toEqual({
      check: 'tcp',
      intervalMs: 500,
      timeoutMs: 500,
      path: '/',
      host: '',
      fall: 3,
      rise: 2,
    });
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

  it('refuses a policy that would block every client, and what else no User-Agent holds', async () => {
    const { tlsCert, tlsKey } = await dir.pair('agents', ['app.example.test']);
    const agents = (list: string): string[] =>
      errors(
        route(
          `${L4.replace('l4', 'l7')}\ntls_cert = "${tlsCert}"\ntls_key = "${tlsKey}"\n` +
            `[listeners.routes.policies]\nblock_user_agents = ${list}`,
        ),
      );
    expect(agents('["zgrab", ""]')).toEqual([expect.stringMatching(/^10:31 an empty User-Agent would block every/)]);
    expect(agents('["  "]')).toEqual([expect.stringMatching(/^10:22 an empty User-Agent would block every/)]);
    expect(agents('["bot\\n"]')).toEqual([expect.stringMatching(/^10:22 .*printable ASCII/)]);
    expect(agents('["zgrab"]')).toEqual([]);
  });

  it('refuses to verify backends of a wildcard route without a name to verify', async () => {
    const { tlsCert, tlsKey } = await dir.pair('wildcard', ['*.example.test']);
    const verified = (more: string): string[] =>
      errors(
        route(
          `hostname = "*.example.test"\nbackend = "10.0.0.7:8443"\nmode = "l7"\ntls_cert = "${tlsCert}"\n` +
            `tls_key = "${tlsKey}"\nbackend_tls = true\nbackend_verify = "ca"\n${more}`,
        ),
      );
    expect(verified('')).toEqual([expect.stringMatching(/^10:18 .*wildcard route has no name to verify/)]);
    expect(verified('backend_server_name = "app.internal"')).toEqual([]);
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
