import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countryMmdb, writeMmdb } from '../../firewall/test/mmdb-writer.ts';
import { buildClientHello } from '../../proxy/client-hello/test/build-client-hello.ts';
import { ctlJson, event, lineAfter, reload, scrape } from './proxy-control.ts';
import { makeTempDir, startMcProxy, type LogLine, type RunningProxy } from './running-proxy.ts';
import { fate, startTcpBackend, type TcpBackend } from './tcp-peers.ts';
import { replaceFile } from './tls-peers.ts';

const LISTENER = '127.0.0.1:0';
const DUAL = '[::]:0';
const ONE = '127.0.0.50';
const TWO = '127.0.0.51';
const HELLO = buildClientHello('app.example.test');
const EPOCH = 1_767_225_600;

/** A database by which one address is in the blocked country. */
const abroad = (address: string, buildEpoch = EPOCH): Buffer => countryMmdb([[`${address}/32`, 'AQ']], { buildEpoch });

describe('PX-11 the GeoIP database of a running mc-proxy', { timeout: 90_000 }, () => {
  let dir: string;
  let file: string;
  let backend: TcpBackend;

  beforeEach(async () => {
    dir = makeTempDir();
    file = join(dir, 'country.mmdb');
    backend = await startTcpBackend((socket) => socket.end('served'));
  });
  afterEach(async () => {
    await backend[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  const start = (): Promise<RunningProxy> =>
    startMcProxy(
      () => `
[firewall]
geoip_db = "${file}"
blocked_countries = ["AQ"]
${[LISTENER, DUAL]
  .map(
    (addr) => `
[[listeners]]
addr = "${addr}"
[[listeners.routes]]
hostname = "app.example.test"
backend = "${backend.address}"
mode = "l4"
`,
  )
  .join('')}`,
      { dir },
    );

  /** How a client from each of the two addresses fares, once every worker has what the log says. */
  async function fates(proxy: RunningProxy, addr = LISTENER): Promise<string[]> {
    await scrape(proxy);
    const each = [ONE, TWO].map((localAddress) => fate(proxy.port(addr), HELLO, { localAddress }));
    return (await Promise.all(each)).map(String);
  }
  const loaded = ({ msg }: LogLine): boolean => msg === 'the GeoIP database was loaded';
  const refused = ({ msg }: LogLine): boolean => msg.startsWith('the GeoIP database was refused');
  const geoip = async (proxy: RunningProxy): Promise<unknown> =>
    ((await ctlJson(proxy, 'firewall', 'show')) as { geoip: unknown }).geoip;

  it('a new file is picked up when it changes, and at SIGHUP', async () => {
    replaceFile(file, abroad(ONE));
    await using proxy = await start();
    expect(await fates(proxy)).toEqual(['reset', 'served']);

    let from = proxy.lines.length;
    replaceFile(file, abroad(TWO, EPOCH + 86_400));
    expect(await lineAfter(proxy, from, loaded)).toMatchObject({ built: '2026-01-02T00:00:00.000Z' });
    expect(await fates(proxy)).toEqual(['served', 'reset']);

    from = proxy.lines.length;
    replaceFile(file, abroad(ONE, EPOCH + 2 * 86_400));
    expect(await reload(proxy)).toMatchObject({ msg: 'configuration reloaded' });
    expect(await lineAfter(proxy, from, loaded)).toMatchObject({ built: '2026-01-03T00:00:00.000Z' });
    expect(await fates(proxy)).toEqual(['reset', 'served']);
    expect(await geoip(proxy)).toMatchObject({ loaded: true, built_at: '2026-01-03T00:00:00.000Z', last_error: '' });
  });

  it('a bad file is refused by change and by SIGHUP: the old one decides, and log, metric, event and status say so', async () => {
    const good = abroad(ONE);
    replaceFile(file, good);
    await using proxy = await start();

    let from = proxy.lines.length;
    replaceFile(file, good.subarray(0, good.length / 2));
    expect(await lineAfter(proxy, from, refused)).toMatchObject({
      level: 'error',
      msg: expect.stringContaining('the one before stays in use') as string,
      file,
    });
    expect(await fates(proxy)).toEqual(['reset', 'served']);

    const cities = writeMmdb({
      networks: [[`${TWO}/32`, new Map([['autonomous_system_number', 64_496]])]],
      type: 'GeoLite2-ASN',
    });
    const corrupt = Buffer.from(good).fill(0xff, 0, good.length - 400);
    for (const [failures, bytes] of [cities.bytes, corrupt, Buffer.alloc(0)].entries()) {
      from = proxy.lines.length;
      replaceFile(file, bytes);
      await reload(proxy);
      const { reason } = await lineAfter(proxy, from, refused);
      expect(await fates(proxy)).toEqual(['reset', 'served']);
      expect((await scrape(proxy)).get('mc_proxy_geoip_reload_failures_total')).toBe(failures + 2);
      expect(await geoip(proxy)).toMatchObject({ loaded: true, reload_failures: failures + 2, last_error: reason });
      await event(proxy, ({ kind, detail }) => kind === 'geoip' && detail === `${file} was refused: ${String(reason)}`);
    }
    expect((await proxy.ctl('firewall', 'show')).stdout).toMatch(/geoip .*Test-Country.*the last load failed: /);

    replaceFile(file, abroad(TWO));
    await reload(proxy);
    expect(await fates(proxy)).toEqual(['served', 'reset']);
    expect(await geoip(proxy)).toMatchObject({ loaded: true, last_error: '' });
  });

  it('starts without the file, says so, and takes it when it comes', async () => {
    await using proxy = await start();
    expect(proxy.lines.find(refused)).toMatchObject({
      file,
      msg: expect.stringContaining('no country is blocked') as string,
    });
    expect(proxy.lines.find(({ msg }) => msg.startsWith('configuration: '))).toMatchObject({
      msg: expect.stringContaining('no country is blocked until it can be read') as string,
    });
    expect(await fates(proxy)).toEqual(['served', 'served']);
    expect((await proxy.ctl('status')).stdout).toMatch(/geoip .*not loaded; the last load failed: /);
    expect((await scrape(proxy)).get('mc_proxy_geoip_state')).toBe(0);

    replaceFile(file, abroad(ONE));
    await proxy.line(loaded);
    expect(await fates(proxy)).toEqual(['reset', 'served']);
    expect((await scrape(proxy)).get('mc_proxy_geoip_state')).toBe(1);
  });

  it('an IPv4 client of a dual-stack listener is looked up by its IPv4 address', async () => {
    // Without the aliases by which some databases answer for ::ffff:0:0/96 themselves.
    replaceFile(file, countryMmdb([[`${ONE}/32`, 'AQ']], { aliases: false }));
    await using proxy = await start();
    expect(await fates(proxy, DUAL)).toEqual(['reset', 'served']);
    expect(await proxy.refusal('blocked_country')).toMatchObject({ listener: DUAL, client: ONE, rule: 'AQ' });
  });
});
