import { rmSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { NewEvent } from '../events/index.ts';
import { createCertificates, type Certificates, type RouteKey } from './index.ts';
import type { MaterialSpec } from './source.ts';
import { EXPIRED, makePemDir, type PemDir } from './test/pem-dir.ts';

const APP: RouteKey = { listener: ':443', hostname: 'app.example.test' };

let dir: PemDir;
let certificates: Certificates;
let changes: RouteKey[][];
let events: NewEvent[];
beforeEach(async () => {
  dir = await makePemDir();
  changes = [];
  events = [];
  certificates = createCertificates(
    { changed: (routes) => changes.push([...routes]), report: (event) => events.push(event) },
    { pollMs: 0 },
  );
});
afterEach(async () => {
  await certificates[Symbol.asyncDispose]();
  dir[Symbol.dispose]();
});

async function appSpec(options: Partial<MaterialSpec> = {}): Promise<MaterialSpec> {
  const files = await dir.pair('app', ['app.example.test']);
  const rest = {
    mode: 'l7',
    hostname: 'app.example.test',
    clientCa: '',
    backendCa: '',
    backendVerify: 'none',
  } as const;
  return { ...rest, ...files, ...options };
}

function track(key: RouteKey, spec: MaterialSpec): void {
  certificates.track(key, spec, certificates.prepare(spec));
}

const inUse = (key: RouteKey = APP): string | undefined => certificates.material(key).certificate?.certPem;

describe('certificates in use', () => {
  it('PX-19 a changed pair is loaded by the second look that finds it the same', async () => {
    const spec = await appSpec();
    track(APP, spec);
    const before = inUse();
    const renewed = await dir.issue(['app.example.test']);
    dir.writePair('app', renewed);
    await certificates.check();
    expect(inUse()).toBe(before);
    await certificates.check();
    expect(inUse()).toBe(renewed.certPem);
    expect(changes).toEqual([[APP]]);
    expect(events).toMatchObject([{ kind: 'certificate', listener: ':443', route: 'app.example.test' }]);
    await certificates.check();
    await certificates.check();
    expect(changes).toHaveLength(1);
  });

  it('PX-19 files that are replaced one after the other are loaded together', async () => {
    track(APP, await appSpec());
    const renewed = await dir.issue(['app.example.test']);
    dir.write('app.pem', renewed.certPem);
    await certificates.check();
    dir.write('app.key', renewed.keyPem);
    await certificates.check();
    expect(changes).toEqual([]);
    expect(events).toEqual([]);
    await certificates.check();
    expect(inUse()).toBe(renewed.certPem);
    expect(changes).toHaveLength(1);
  });

  it('PX-19 a bad pair is refused, the old one stays, the reason is listed, and a good one later heals it', async () => {
    track(APP, await appSpec());
    const before = inUse();
    const renewed = await dir.issue(['app.example.test']);
    dir.write('app.pem', renewed.certPem);
    await certificates.check();
    await certificates.check();
    await certificates.check();
    expect(inUse()).toBe(before);
    expect(changes).toEqual([]);
    expect(events).toHaveLength(1);
    expect(certificates.list()).toMatchObject([{ ...APP, error: expect.stringContaining('does not belong') }]);
    expect(certificates.warnings()).toEqual([
      expect.stringMatching(/^route app.example.test on :443: .*the earlier files stay/),
    ]);
    dir.write('app.key', renewed.keyPem);
    await certificates.check();
    await certificates.check();
    expect(inUse()).toBe(renewed.certPem);
    expect(certificates.list()).toMatchObject([{ error: '' }]);
    expect(certificates.warnings()).toEqual([]);
  });

  it.each([
    ['expired', async () => dir.pair('app', ['app.example.test'], EXPIRED), 'expired'],
    ['cut off', async () => dir.write('app.pem', '-----BEGIN CERT'), 'holds no PEM certificate'],
    ['removed', async () => rmSync(dir.path('app.key')), 'ENOENT'],
  ])('PX-19 a pair that is %s does not replace a good one', async (_, spoil, error) => {
    track(APP, await appSpec());
    const before = inUse();
    await spoil();
    await certificates.check();
    await certificates.check();
    expect(inUse()).toBe(before);
    expect(certificates.list()[0]?.error).toContain(error);
  });

  it('sees a symbolic link that is switched, as ACME clients do', async () => {
    const first = await dir.pair('v1', ['app.example.test']);
    const second = await dir.issue(['app.example.test']);
    dir.writePair('v2', second);
    symlinkSync(first.tlsCert, dir.path('live.pem'));
    symlinkSync(first.tlsKey, dir.path('live.key'));
    const spec = await appSpec({ tlsCert: dir.path('live.pem'), tlsKey: dir.path('live.key') });
    track(APP, spec);
    for (const name of ['pem', 'key']) {
      rmSync(dir.path(`live.${name}`));
      symlinkSync(dir.path(`v2.${name}`), dir.path(`live.${name}`));
    }
    await certificates.check();
    await certificates.check();
    expect(inUse()).toBe(second.certPem);
  });

  it('reload reads everything at once and reports what changed, what did not and what failed', async () => {
    const other = { listener: ':443', hostname: 'other.example.test' };
    const bad = { listener: ':443', hostname: 'bad.example.test' };
    track(APP, await appSpec());
    track(other, await appSpec({ hostname: other.hostname, ...(await dir.pair('other', [other.hostname])) }));
    track(bad, await appSpec({ hostname: bad.hostname, ...(await dir.pair('bad', [bad.hostname])) }));
    const renewed = await dir.issue(['app.example.test']);
    dir.writePair('app', renewed);
    dir.write('bad.pem', 'x');
    expect(certificates.reload()).toMatchObject({ reloaded: 1, unchanged: 1, failed: [bad] });
    expect(inUse()).toBe(renewed.certPem);
    expect(certificates.reload()).toMatchObject({ reloaded: 0, unchanged: 2, failed: [bad] });
  });

  it('reads a pair once for all routes that share it and tells all of them, with one event', async () => {
    const spec = await appSpec();
    const other = { listener: ':8443', hostname: 'app.example.test' };
    track(APP, spec);
    track(other, spec);
    expect(certificates.material(APP).certificate).toBe(certificates.material(other).certificate);
    dir.writePair('app', await dir.issue(['app.example.test']));
    certificates.reload();
    expect(changes).toEqual([[APP, other]]);
    expect(events).toHaveLength(1);
    certificates.untrack(other);
    certificates.untrack(APP);
    expect(certificates.list()).toEqual([]);
    expect(certificates.material(APP)).toEqual({ certificate: null, clientCaPem: null, backendCaPem: null });
  });

  it('keeps nothing of what was only prepared', async () => {
    const spec = await appSpec();
    expect(certificates.prepare(spec).problems).toEqual([]);
    expect(certificates.prepare({ ...spec, tlsKey: dir.path('absent') }).problems).toMatchObject([
      { field: 'tls_key' },
    ]);
    expect(certificates.prepare({ ...spec, hostname: 'elsewhere.test' }).warnings).toEqual([
      expect.stringContaining('covers app.example.test, not elsewhere.test'),
    ]);
    expect(certificates.list()).toEqual([]);
  });

  it('a route that starts without a good pair comes alive when the files do', async () => {
    const pair = await dir.issue(['app.example.test']);
    const spec = await appSpec({ tlsCert: dir.path('later.pem'), tlsKey: dir.path('later.key') });
    track(APP, spec);
    expect(inUse()).toBeUndefined();
    expect(certificates.warnings()[0]).toContain('ENOENT');
    dir.writePair('later', pair);
    await certificates.check();
    await certificates.check();
    expect(inUse()).toBe(pair.certPem);
    expect(changes).toEqual([[APP]]);
  });

  it('watches the bundles of client_ca and backend_ca too', async () => {
    const clientCa = dir.write('ca.pem', dir.ca.certPem);
    track(APP, await appSpec({ clientCa, backendCa: clientCa, backendVerify: 'ca' }));
    expect(certificates.material(APP)).toMatchObject({ clientCaPem: dir.ca.certPem, backendCaPem: dir.ca.certPem });
    dir.write('ca.pem', dir.ca.certPem + dir.ca.certPem);
    certificates.reload();
    expect(certificates.material(APP).clientCaPem).toBe(dir.ca.certPem + dir.ca.certPem);
    expect(changes).toEqual([[APP], [APP]]);
  });

  it('says when the pair in use expired meanwhile', async () => {
    await certificates[Symbol.asyncDispose]();
    let nowMs = Date.now();
    certificates = createCertificates({ changed: () => {}, report: () => {} }, { pollMs: 0, now: () => nowMs });
    track(APP, await appSpec(await dir.pair('short', ['app.example.test'], { days: 1 })));
    expect(certificates.warnings()).toEqual([]);
    nowMs += 2 * 86_400_000;
    expect(certificates.warnings()).toEqual([expect.stringContaining('expired on')]);
  });

  it('looks at the files by itself', async () => {
    await certificates[Symbol.asyncDispose]();
    const seen = Promise.withResolvers<void>();
    certificates = createCertificates({ changed: () => seen.resolve(), report: () => {} }, { pollMs: 5 });
    track(APP, await appSpec());
    const renewed = await dir.issue(['app.example.test']);
    dir.writePair('app', renewed);
    await seen.promise;
    expect(inUse()).toBe(renewed.certPem);
  });
});
