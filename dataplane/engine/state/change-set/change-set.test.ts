import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePemDir } from '../../certificates/test/pem-dir.ts';
import { proxyErrors } from '../../errors.ts';
import type { ApplyResult } from '../index.ts';
import { makeHarness, type Harness } from '../test/harness.ts';

let harness: Harness;
beforeEach(() => {
  harness = makeHarness();
});
afterEach(async () => {
  expect(harness.inSync().worker).toEqual(harness.inSync().fresh);
  await harness[Symbol.asyncDispose]();
});

const APP = { hostname: 'app.example.test', backends: ['10.0.0.9:443'], mode: 'l4' };
const FILE_ROUTE = `[[listeners]]
addr = ":443"
[[listeners.routes]]
hostname = "file.example.test"
backend = "10.0.0.7:8443"
mode = "l4"
`;

const apply = (text: string, more: { dryRun?: boolean; confirmWithinMs?: number } = {}): Promise<ApplyResult> =>
  harness.state.apply({ file: 'changes.toml', text, dryRun: false, confirmWithinMs: 0, ...more });

async function refusal(text: string): Promise<{ message: string; details: unknown }> {
  const { generation } = harness.state;
  const before = harness.inSync().fresh;
  const error: unknown = await apply(text).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!proxyErrors.is(error, 'changes_invalid')) throw new Error('a refusal was expected', { cause: error });
  expect(harness.state.generation).toBe(generation);
  expect(harness.inSync().fresh).toEqual(before);
  return error;
}

const own = (): string[] =>
  harness.state
    .routes()
    .filter(({ origin }) => origin === 'api')
    .map(({ listener, spec }) => `${listener} ${spec.hostname}`);

describe('Apply', () => {
  it('PX-18 brings routes, policies, rules and rate limit to what the text says, with one transaction and one swap', async () => {
    using pems = await makePemDir();
    const { tlsCert, tlsKey } = await pems.pair('web', ['web.example.test']);
    await harness.state.addRoute(':443', APP);
    await harness.state.addRoute(':443', { ...APP, hostname: 'gone.example.test' });
    await harness.state.addFirewallRule('blocked_ip', '203.0.113.1');
    await harness.state.setRateLimit(5, 10_000);
    harness.published.length = 0;
    harness.events.length = 0;
    const answer = await apply(`
[[listeners]]
addr = ":443"
[[listeners.routes]]
hostname = "APP.example.test."
backends = ["10.0.0.10:443", "10.0.0.11:443"]
mode = "l4"
[[listeners]]
addr = ":8443"
[[listeners.routes]]
hostname = "web.example.test"
backend = "10.0.0.12:80"
mode = "l7"
tls_cert = "${tlsCert}"
tls_key = "${tlsKey}"
[[listeners.policies]]
hostname = "web.example.test"
block_user_agents = ["zgrab", "ZGRAB"]
require_headers = ["X-Key"]
[firewall]
blocked_ips = ["2001:DB8::1"]
rate_limit = 7
`);
    expect(answer).toMatchObject({ total: 8, changed: true, generation: 5, revertAtMs: null, warnings: [] });
    expect(
      answer.differences.map(({ change, kind, listener, name, detail }) => [change, kind, listener, name, detail]),
    ).toEqual([
      ['removed', 'route', ':443', 'gone.example.test', ''],
      ['changed', 'route', ':443', APP.hostname, 'backends ["10.0.0.9:443"] → ["10.0.0.10:443","10.0.0.11:443"]'],
      ['added', 'route', ':8443', 'web.example.test', 'l7 to 10.0.0.12:80'],
      ['added', 'policy', ':8443', 'web.example.test', 'block_user_agent "zgrab"'],
      ['added', 'policy', ':8443', 'web.example.test', 'require_header "x-key"'],
      ['removed', 'firewall_rule', '', 'blocked_ip 203.0.113.1', ''],
      ['added', 'firewall_rule', '', 'blocked_ip 2001:db8::1', ''],
      ['changed', 'rate_limit', '', '', '5 connections in 10s → 7 connections in 10s'],
    ]);
    expect(harness.published).toHaveLength(1);
    expect(harness.published[0]).toContainEqual(
      expect.objectContaining({
        kind: 'route_put',
        route: expect.objectContaining({
          policies: { blockUserAgents: ['zgrab'], requireHeaders: ['x-key'] },
          material: expect.objectContaining({ certificate: expect.anything() }),
        }),
      }),
    );
    expect(harness.events.map(({ kind }) => kind)).toEqual([
      'route',
      'route',
      'route',
      'policy',
      'policy',
      'firewall',
      'firewall',
      'firewall',
      'apply',
    ]);
    await harness.restart();
    expect(harness.state.generation).toBe(5);
    expect(own()).toEqual([':443 app.example.test', ':8443 web.example.test']);
    expect(harness.state.firewall().rateLimit).toEqual({ limit: 7, windowMs: 10_000 });
  });

  it('PX-18 a dry run names the differences and changes nothing', async () => {
    await harness.state.addRoute(':443', APP);
    const answer = await apply('', { dryRun: true, confirmWithinMs: 60_000 });
    expect(answer).toMatchObject({ total: 1, changed: false, generation: 1, revertAtMs: null });
    expect(answer.differences).toEqual([
      { change: 'removed', kind: 'route', listener: ':443', name: APP.hostname, detail: '' },
    ]);
    expect(own()).toHaveLength(1);
    expect(harness.published).toHaveLength(1);
  });

  it('PX-18 applied twice changes nothing the second time', async () => {
    const text = `[[listeners]]\naddr = ":443"\n[[listeners.routes]]\nhostname = "a.test"\nbackend = "a.internal:1"\nmode = "l4"\n`;
    expect(await apply(text)).toMatchObject({ total: 1, changed: true, generation: 1 });
    expect(await apply(text)).toMatchObject({ total: 0, changed: false, generation: 1 });
  });

  it('takes entries that the configuration file has as they are, and leaves them to it', async () => {
    const text = `${FILE_ROUTE}[firewall]\nblocked_cidrs = ["192.0.2.0/24"]\nrate_limit = 20\nrate_window = "10s"\n`;
    expect(await apply(text)).toMatchObject({ total: 0, changed: false });
    expect(await apply(text.replace('mode = "l4"', 'mode = "l4"\norigin = "config"'))).toMatchObject({ total: 0 });
    expect(own()).toEqual([]);
  });

  it('PX-16 another route for a host of the file is of the API, and says so; without it the file is served again', async () => {
    const answer = await apply(FILE_ROUTE.replace('10.0.0.7', '10.0.0.8'));
    expect(answer.differences).toMatchObject([
      { change: 'added', detail: "l4 to 10.0.0.8:8443, in place of the configuration file's" },
    ]);
    expect(harness.state.routes(':443')).toMatchObject([{ origin: 'api', shadowsConfig: true }]);
    expect((await apply('')).differences).toMatchObject([
      { change: 'removed', detail: 'the one of the configuration file is served again' },
    ]);
    expect(harness.state.routes(':443')).toMatchObject([{ origin: 'config' }]);
    expect((await apply(`${FILE_ROUTE}origin = "api"\n`)).total).toBe(1);
    expect(harness.state.routes(':443')).toMatchObject([{ origin: 'api', shadowsConfig: true }]);
  });

  it('PX-18 what the API has on a listener that the file lost can stay, and nothing can come to it', async () => {
    await harness.state.addRoute(':8443', APP);
    await harness.restart(FILE_ROUTE);
    const { toml } = harness.state.export();
    expect(toml).toContain('has no such listener');
    expect(await apply(toml)).toMatchObject({ total: 0 });
    const { message } = await refusal(toml.replace('10.0.0.9', '10.0.0.10'));
    expect(message).toContain(':8443 is no listener of the configuration file');
    expect(await apply('')).toMatchObject({ total: 1, changed: true });
  });

  it('names every mistake of a text at its place, and changes nothing', async () => {
    const { message, details } = await refusal(`[[listeners]]
addr = ":9"
[[listeners]]
addr = ":443"
proxy_protocol = true
[[listeners.routes]]
hostname = "10.0.0.1"
backend = "10.0.0.7"
mode = "l4"
[[listeners.routes]]
hostname = "b.test"
backend = "b.internal:1"
mode = "l7"
tls_cert = "b.pem"
tls_key = "/nowhere/b.key"
[[listeners.routes]]
hostname = "B.test"
backend = "b.internal:1"
mode = "l4"
[[listeners.routes]]
hostname = "c.test"
backend = "c.internal:1"
mode = "l4"
origin = "config"
[[listeners.policies]]
hostname = "file.example.test"
block_user_agents = ["zgrab", ""]
[firewall]
blocked_cidrs = ["10.0.0.1/8"]
blocked_countries = ["UK"]
rate_window = "20s"
geoip_db = "/a.mmdb"
`);
    expect(message).toMatch(/^the changes are refused as a whole, nothing was changed:/);
    const places = (details as { problems: { place: string; message: string }[] }).problems;
    expect(places.map(({ place, message: text }) => `${place} ${text}`)).toEqual([
      expect.stringMatching(/^changes.toml:2:8 the configuration file has no listener ":9"/),
      expect.stringMatching(/^changes.toml:5:1 unknown key "proxy_protocol"/),
      expect.stringMatching(/^changes.toml:7:12 "10.0.0.1" is an IP address/),
      expect.stringMatching(/^changes.toml:8:11 backend "10.0.0.7" has no port/),
      expect.stringMatching(/^changes.toml:14:12 "b.pem" is a relative path/),
      expect.stringMatching(/^changes.toml:14:12 b.pem/),
      expect.stringMatching(/^changes.toml:17:12 two routes of :443 have the hostname b.test/),
      expect.stringMatching(/^changes.toml:24:10 the configuration file has no route c.test/),
      expect.stringMatching(/^changes.toml:27:31 an empty User-Agent/),
      expect.stringMatching(/^changes.toml:29:18 .*host bits/),
      expect.stringMatching(/^changes.toml:30:22 .*United Kingdom is GB/),
      expect.stringMatching(/^changes.toml:32:1 unknown key "geoip_db"/),
    ]);
    expect(message).toContain('   14 | tls_cert = "b.pem"');
  });

  it.each([
    ['policies of no route', 'hostname = "no.test"\nblock_user_agents = ["a"]', /4:12.*no route no.test/],
    ['policies of an l4 route', 'hostname = "file.example.test"\nrequire_headers = ["a"]', /4:12.*is l4/],
    ['a hostname with a port', 'hostname = "a.test:1"', /4:12.*has a port/],
    ['no hostname', 'block_user_agents = ["a"]', /3:1.*missing key "hostname"/],
  ])('refuses %s', async (_what, table, expected) => {
    const { message } = await refusal(`[[listeners]]\naddr = ":443"\n[[listeners.policies]]\n${table}`);
    expect(message).toMatch(expected);
  });

  it.each([
    [
      'two tables of one listener',
      '[[listeners]]\naddr = ":443"\n[[listeners]]\naddr = ":443"',
      /4:8.*stands there twice/,
    ],
    ['a window alone', '[firewall]\nrate_window = "20s"', /2:15.*no effect without rate_limit/],
    ['a limit out of range', '[firewall]\nrate_limit = -1', /2:14/],
    ['a text that is no TOML', '[[listeners]\naddr', /1:/],
    [
      'two policy tables of one host',
      '[[listeners]]\naddr = ":443"\n[[listeners.policies]]\nhostname = "a.test"\ndormant = true\n[[listeners.policies]]\nhostname = "A.test"\ndormant = true',
      /7:12.*two tables/,
    ],
  ])('refuses %s', async (_what, text, expected) => {
    expect((await refusal(text)).message).toMatch(expected);
  });

  it('reads a pair that many routes share once, and refuses it at the first of them', async () => {
    const routes = Array.from(
      { length: 2_000 },
      (_, index) => `[[listeners.routes]]
hostname = "r${index}.test"
backend = "b.internal:1"
mode = "l7"
tls_cert = "/nowhere/a.pem"
tls_key = "/nowhere/a.key"
`,
    );
    const { details } = await refusal(`[[listeners]]\naddr = ":443"\n${routes.join('')}`);
    expect(details).toMatchObject({ errors: 1, problems: [{ place: 'changes.toml:7:12' }] });
  });

  it('keeps an error short enough for the wire, however many mistakes there are', async () => {
    const routes = Array.from(
      { length: 500 },
      (_, i) => `[[listeners.routes]]\nhostname = "r${i}.test"\nbackend = "b"\nmode = "l4"\n`,
    );
    const { message, details } = await refusal(`[[listeners]]\naddr = ":443"\n${routes.join('')}`);
    expect(message.length).toBeLessThan(4096);
    expect(message).toMatch(/more problems$/);
    expect(JSON.stringify(details).length).toBeLessThan(8192);
    expect(details).toMatchObject({ errors: 500 });
  });

  it('a database that refuses leaves everything as it was', async () => {
    await harness.state.addRoute(':443', APP);
    const other = new Sqlite(harness.database);
    other.exec('BEGIN IMMEDIATE');
    await expect(apply('', { confirmWithinMs: 60_000 })).rejects.toMatchObject({ code: 'database_locked' });
    expect(own()).toHaveLength(1);
    expect(harness.state.unconfirmed()).toBeNull();
    other.exec('ROLLBACK');
    other.close();
    expect(await apply('')).toMatchObject({ total: 1, changed: true });
  });
});
