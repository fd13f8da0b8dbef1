import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireClient } from '../../../deploy/checks/clients.ts';
import { countryMmdb } from '../../firewall/test/mmdb-writer.ts';
import { buildClientHello } from '../../proxy/client-hello/test/build-client-hello.ts';
import { ctlJson } from './proxy-control.ts';
import { makeTempDir, ROOT, run, startMcProxy, type RunningProxy } from './running-proxy.ts';
import { fate } from './tcp-peers.ts';
import { createPki, curl, startHttpsOrigin, type TestPki } from './tls-peers.ts';

/** The public edge as its deployment plan has it (§3.2), word for word. */
const PLAN = `[database]
path = "/srv/mc-proxy/mc-proxy.db"
# Public HTTPS — L7 termination for metacrypt web UI.
# Backend is metacrypt-web on rift via Tailscale, re-encrypted with TLS.
# mc-proxy skips backend cert verification (InsecureSkipVerify: trusted
# internal backend), so SNI mismatch between the public hostname and
# metacrypt-web's cert is not an issue.
[[listeners]]
addr = ":443"
[[listeners.routes]]
hostname = "metacrypt.metacircular.net"
backend = "100.95.252.120:18080"
mode = "l7"
tls_cert = "/srv/mc-proxy/certs/metacrypt.metacircular.net.pem"
tls_key = "/srv/mc-proxy/certs/metacrypt.metacircular.net.key"
backend_tls = true
# Firewall — internet-facing, aggressive blocking.
[firewall]
geoip_db = "/srv/mc-proxy/GeoLite2-Country.mmdb"
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
const HOST = 'metacrypt.metacircular.net';
const ABROAD = '127.0.0.50';
const LISTENER = '127.0.0.1:0';

describe("the public edge of the platform's deployment plan", () => {
  const [curlProgram = ''] = requireClient('curl');
  const dir = makeTempDir();
  let pki: TestPki;
  let origin: Awaited<ReturnType<typeof startHttpsOrigin>>;
  let proxy: RunningProxy;
  const seen: (string | undefined)[] = [];

  beforeAll(async () => {
    pki = await createPki(join(dir, 'certs'));
    await pki.files(HOST);
    writeFileSync(join(dir, 'GeoLite2-Country.mmdb'), countryMmdb([[`${ABROAD}/32`, 'AQ']]));
    const internal = await pki.issue({ names: ['metacrypt-web.internal.test'] });
    origin = await startHttpsOrigin(internal, (request, response) => {
      seen.push(request.headers.host);
      response.end('<title>Metacrypt</title>');
    });
    const toml = PLAN.replaceAll('/srv/mc-proxy', dir)
      .replace('":443"', `"${LISTENER}"`)
      .replace('100.95.252.120:18080', origin.address);
    // The plan leaves these to their defaults, which belong to the machine.
    const env = { MC_PROXY_ADMIN_SOCKET: join(dir, 'mc-proxy.sock'), MC_PROXY_METRICS_ADDR: LISTENER };
    proxy = await startMcProxy(() => toml, { dir, env, whole: true });
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  const get = (options: Parameters<typeof curl>[3] = {}): ReturnType<typeof curl> =>
    curl(curlProgram, pki.caFile, { hostname: HOST, port: proxy.port(LISTENER) }, options);

  it('PX-3 its file is right, and says once that the backend is not verified', async () => {
    const { code, stdout } = await run(join(ROOT, 'bin/mc-proxy'), [
      'config',
      'check',
      '--config',
      `${dir}/mc-proxy.toml`,
    ]);
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('is right') as string });
    const warnings = proxy.lines.filter(({ msg }) => msg.startsWith('configuration: '));
    expect(warnings.map(({ msg }) => msg)).toEqual([expect.stringContaining('certificate is not verified')]);
  });

  it('PX-3 terminates TLS and encrypts again to a backend whose certificate has another name', async () => {
    expect(await get()).toMatchObject({ code: 0, stdout: '<title>Metacrypt</title>|200 2' });
    expect(seen).toEqual([`${HOST}:${proxy.port(LISTENER)}`]);
    expect(await proxy.line(({ msg }) => msg === 'request')).toMatchObject({ route: HOST, status: 200 });
  });

  it('PX-13 a User-Agent is blocked at run time and gets 403', async () => {
    const scanner = { args: ['--user-agent', 'zgrab/0.x'] };
    expect((await get(scanner)).stdout).toMatch(/\|200 2$/);
    await ctlJson(proxy, 'policies', 'add', '--hostname', HOST, '--block-user-agent', 'zgrab');
    expect((await get(scanner)).stdout).toMatch(/\|403 2$/);
    expect(await proxy.refusal('ua_blocked')).toMatchObject({ route: HOST, rule: 'block_user_agents zgrab' });
    expect((await get()).stdout).toMatch(/\|200 2$/);
  });

  it('PX-9 a country is blocked at run time and its addresses get RST', async () => {
    expect((await get({ from: ABROAD })).stdout).toMatch(/\|200 2$/);
    await ctlJson(proxy, 'firewall', 'block', '--country', 'AQ');
    expect(await fate(proxy.port(LISTENER), buildClientHello(HOST), { localAddress: ABROAD })).toBe('reset');
    expect(await proxy.refusal('blocked_country')).toMatchObject({ client: ABROAD, rule: 'AQ' });
    expect((await get({ from: ABROAD })).stdout).toBe('|000 0');
    expect((await get()).stdout).toMatch(/\|200 2$/);
  });
});
