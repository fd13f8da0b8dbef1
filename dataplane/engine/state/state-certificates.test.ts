import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { EXPIRED, makePemDir, type PemDir } from '../certificates/test/pem-dir.ts';
import { proxyErrors } from '../errors.ts';
import { configuredFrom, makeHarness, type Harness } from './test/harness.ts';

const HOST = 'app.example.test';

let dir: PemDir;
let harness: Harness;
let files: { tlsCert: string; tlsKey: string };
beforeEach(async () => {
  dir = await makePemDir();
  files = await dir.pair('app', [HOST]);
  harness = makeHarness(configText());
});
afterEach(async () => {
  expect(harness.inSync().worker).toEqual(harness.inSync().fresh);
  await harness[Symbol.asyncDispose]();
  dir[Symbol.dispose]();
});

function configText(): string {
  return `
[[listeners]]
addr = ":443"
[[listeners.routes]]
hostname = "${HOST}"
backend = "10.0.0.7:80"
mode = "l7"
tls_cert = "${files.tlsCert}"
tls_key = "${files.tlsKey}"
[listeners.routes.policies]
block_user_agents = ["zgrab"]
`;
}

function l7(hostname: string, pair = files) {
  return { hostname, backends: ['10.0.0.9:80'], mode: 'l7', ...pair };
}

const inUse = (hostname = HOST): string | undefined =>
  harness.state.snapshot().listeners[0]?.routes.find((route) => route.hostname === hostname)?.material.certificate
    ?.certPem;

async function codeOf(change: Promise<unknown>): Promise<string> {
  const error: unknown = await change.then(
    () => null,
    (reason: unknown) => reason,
  );
  return proxyErrors.is(error) ? error.code : 'none';
}

describe('certificates of routes', () => {
  it('PX-19 a renewed pair is published for the routes that use it; a bad one is refused and listed', async () => {
    await harness.state.addRoute('', l7('second.example.test'));
    harness.published.length = 0;
    const renewed = await dir.issue([HOST]);
    dir.writePair('app', renewed);
    await harness.state.checkCertificates();
    await harness.state.checkCertificates();
    expect(inUse()).toBe(renewed.certPem);
    expect(inUse('second.example.test')).toBe(renewed.certPem);
    expect(harness.published).toHaveLength(1);
    expect(harness.published[0]).toHaveLength(2);
    dir.write('app.pem', 'broken');
    expect(await harness.state.reloadCertificates()).toMatchObject({ reloaded: 0, unchanged: 0, failed: [{}, {}] });
    expect(inUse()).toBe(renewed.certPem);
    expect(harness.published).toHaveLength(1);
    expect(harness.state.certificates()).toMatchObject([
      { hostname: HOST, error: expect.stringContaining('holds no PEM certificate') },
      { hostname: 'second.example.test' },
    ]);
    expect(harness.state.warnings().some((warning) => warning.includes('the earlier files stay in use'))).toBe(true);
  });

  it('PX-19 a reload of the configuration reads certificates again and publishes them with it', async () => {
    const renewed = await dir.issue([HOST]);
    dir.writePair('app', renewed);
    await harness.state.reload(configuredFrom(configText()));
    expect(inUse()).toBe(renewed.certPem);
    expect(harness.published).toHaveLength(1);
  });

  it('refuses routes whose pair cannot be served, with nothing changed', async () => {
    const { state } = harness;
    const other = await dir.pair('other');
    const old = await dir.pair('old', ['old'], EXPIRED);
    const mixed = { tlsCert: files.tlsCert, tlsKey: other.tlsKey };
    expect(await codeOf(state.addRoute('', l7('x.test', mixed)))).toBe('certificate_mismatch');
    expect(await codeOf(state.addRoute('', l7('x.test', old)))).toBe('certificate_expired');
    expect(await codeOf(state.addRoute('', l7('x.test', { ...files, tlsKey: files.tlsCert })))).toBe(
      'certificate_invalid',
    );
    expect(await codeOf(state.addRoute('', { ...l7('x.test'), clientCa: dir.path('absent') }))).toBe(
      'certificate_unreadable',
    );
    expect(state.certificates()).toHaveLength(1);
    expect(harness.published).toEqual([]);
    expect(await state.addRoute('', l7('x.test'))).toMatchObject({
      warnings: [expect.stringContaining(`covers ${HOST}, not x.test`)],
    });
  });

  it('PX-15 a route of the API whose files went bad starts without them and comes alive when they are back', async () => {
    const pair = await dir.pair('api', ['api.example.test']);
    await harness.state.addRoute('', l7('api.example.test', pair));
    dir.write('api.key', 'gone');
    await harness.restart();
    expect(inUse('api.example.test')).toBeUndefined();
    expect(harness.state.warnings()).toEqual([expect.stringContaining('route api.example.test on :443')]);
    const renewed = await dir.issue(['api.example.test']);
    dir.writePair('api', renewed);
    await harness.state.checkCertificates();
    await harness.state.checkCertificates();
    expect(inUse('api.example.test')).toBe(renewed.certPem);
  });

  it('forgets files of routes that are gone', async () => {
    await harness.state.addRoute('', l7('second.example.test'));
    await harness.state.removeRoute('', 'second.example.test');
    await harness.state.addRoute('', { hostname: HOST, backends: ['a:1'], mode: 'l4' });
    expect(harness.state.certificates()).toEqual([]);
    await harness.state.removeRoute('', HOST);
    expect(harness.state.certificates()).toMatchObject([{ hostname: HOST, error: '' }]);
    expect(inUse()).toBeDefined();
  });
});

describe('policies', () => {
  const agent = (value: string, hostname = HOST) =>
    ({ listener: '', hostname, kind: 'block_user_agent', value }) as const;
  const header = (value: string) => ({ listener: '', hostname: HOST, kind: 'require_header', value }) as const;
  const served = () => harness.state.snapshot().listeners[0]?.routes[0]?.policies;

  it('PX-15 of the API apply to routes of the file too, survive restarts and reloads, and can be removed', async () => {
    expect(await harness.state.addPolicy(agent('Nuclei'))).toMatchObject({
      changed: true,
      generation: 1,
      policy: { listener: ':443', hostname: HOST, origin: 'api', value: 'Nuclei' },
    });
    expect(await harness.state.addPolicy(agent('NUCLEI'))).toMatchObject({ changed: false, policy: { origin: 'api' } });
    expect(await harness.state.addPolicy(agent('ZGRAB'))).toMatchObject({
      changed: false,
      policy: { origin: 'config' },
    });
    await harness.state.addPolicy(header('X-Api-Key'));
    await harness.restart();
    await harness.state.reload(configuredFrom(configText()));
    expect(served()).toEqual({ blockUserAgents: ['zgrab', 'Nuclei'], requireHeaders: ['x-api-key'] });
    expect(harness.state.policies().map(({ value, origin }) => [value, origin])).toEqual([
      ['zgrab', 'config'],
      ['Nuclei', 'api'],
      ['x-api-key', 'api'],
    ]);
    expect(harness.state.routes()).toMatchObject([
      { spec: { policies: { blockUserAgents: ['zgrab'], requireHeaders: [] } } },
    ]);
    await harness.state.removePolicy(agent('nuclei'));
    expect(served()?.blockUserAgents).toEqual(['zgrab']);
  });

  it('say why they cannot be added or removed', async () => {
    const { state } = harness;
    expect(await codeOf(state.addPolicy(agent('')))).toBe('policy_invalid');
    expect(await codeOf(state.addPolicy(agent('x', 'a b')))).toBe('policy_invalid');
    expect(await codeOf(state.addPolicy(header('a b')))).toBe('policy_invalid');
    expect(await codeOf(state.addPolicy(agent('x', 'none.test')))).toBe('route_not_found');
    expect(await codeOf(state.removePolicy(agent('x')))).toBe('policy_not_found');
    expect(await codeOf(state.removePolicy(agent('zgrab')))).toBe('policy_is_configured');
    await state.addRoute('', { hostname: 'l4.test', backends: ['a:1'], mode: 'l4' });
    expect(await codeOf(state.addPolicy(agent('x', 'l4.test')))).toBe('policy_needs_l7');
    await state.addRoute('', { ...l7('own.test'), blockUserAgents: ['x'] });
    expect(await codeOf(state.removePolicy(agent('x', 'own.test')))).toBe('policy_of_route');
  });

  it('go with the route that the API removes, and stay where one of the file takes its place', async () => {
    await harness.state.addRoute('', l7('second.example.test'));
    await harness.state.addPolicy(agent('x', 'second.example.test'));
    await harness.state.removeRoute('', 'second.example.test');
    await harness.state.addRoute('', l7(HOST));
    await harness.state.addPolicy(agent('y'));
    await harness.state.removeRoute('', HOST);
    await harness.restart();
    expect(harness.state.policies().map(({ value }) => value)).toEqual(['zgrab', 'y']);
    await harness.state.addRoute('', l7('second.example.test'));
    expect(harness.state.policies({ hostname: 'second.example.test' })).toEqual([]);
  });

  it('sleep while their route is l4, and status says so', async () => {
    await harness.state.addPolicy(agent('x'));
    await harness.state.addRoute('', { hostname: HOST, backends: ['a:1'], mode: 'l4' });
    expect(served()).toEqual({ blockUserAgents: [], requireHeaders: [] });
    expect(harness.state.warnings()).toContainEqual(
      expect.stringContaining('have no effect: there is no such l7 route'),
    );
    await harness.state.removeRoute('', HOST);
    expect(served()?.blockUserAgents).toEqual(['zgrab', 'x']);
  });
});
