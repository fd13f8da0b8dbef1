import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:http';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listenOn } from '../../proxy/l7/test/harness.ts';
import { ctlJson, event, reload, scrape, until } from './proxy-control.ts';
import { baseConfig, makeTempDir, ROOT, run, startMcProxy, type RunningProxy } from './running-proxy.ts';
import { createPki, dialTls, type CertificateFiles, type TestPki } from './tls-peers.ts';

const LISTENER = '127.0.0.1:0';
const HOST = 'app.example.test';
const DAY_MS = 86_400_000;

const listener = (backend: string, { cert, key }: Pick<CertificateFiles, 'cert' | 'key'>): string => `
[[listeners]]
addr = "${LISTENER}"
[[listeners.routes]]
hostname = "${HOST}"
backend = "${backend}"
mode = "l7"
tls_cert = "${cert}"
tls_key = "${key}"
`;

describe('PX-19 certificates whose files change', { timeout: 90_000 }, () => {
  let origin: Awaited<ReturnType<typeof listenOn>>;
  let dir: string;
  let pki: TestPki;
  let first: CertificateFiles;
  let proxy: RunningProxy;

  beforeAll(async () => {
    origin = await listenOn(createServer((_request, response) => response.end()));
  });
  afterAll(() => origin[Symbol.asyncDispose]());
  beforeEach(async () => {
    dir = makeTempDir();
    pki = await createPki(dir);
    first = await pki.files(HOST, { days: 30 });
    proxy = await startMcProxy(() => listener(origin.address, first), { dir });
  });
  afterEach(async () => {
    await proxy[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  const fingerprint = (pem: string): string => new X509Certificate(pem).fingerprint256;
  async function served(): Promise<string | undefined> {
    const socket = await dialTls(proxy.port(LISTENER), { servername: HOST, ca: pki.caPem });
    const certificate = socket.getPeerX509Certificate();
    socket.destroy();
    return certificate?.fingerprint256;
  }
  async function listed(): Promise<Record<string, unknown> | undefined> {
    return ((await ctlJson(proxy, 'certs', 'list')) as Record<string, unknown>[])[0];
  }
  const daysLeft = async (): Promise<number> =>
    (await scrape(proxy)).get(`mc_proxy_certificate_expiry_days{listener="${LISTENER}",hostname="${HOST}"}`) ?? NaN;

  it('a new pair is served without a restart, and its days to expiry are the metric', async () => {
    expect(await served()).toBe(fingerprint(first.certPem));
    expect(Math.round(await daysLeft())).toBe(30);
    const renewed = await pki.files(HOST, { days: 90 });
    await event(proxy, ({ kind, detail }) => kind === 'certificate' && detail.startsWith('reloaded from'));
    expect(await until(served, (now) => now !== fingerprint(first.certPem))).toBe(fingerprint(renewed.certPem));
    expect(Math.round(await daysLeft())).toBe(90);
    expect(await listed()).toMatchObject({ hostname: HOST, error: '', names: [HOST] });
  });

  it('a pair that does not belong together is refused, the old one stays, and a good one puts it right', async () => {
    const { keyPem } = await pki.issue({ names: [HOST] });
    const renewed = await pki.issue({ names: [HOST], days: 60 });
    pki.write(HOST, { certPem: renewed.certPem, keyPem });
    const { detail } = await event(proxy, (line) => line.kind === 'certificate');
    expect(detail).toMatch(/^refused: the key in .* does not belong to the certificate/);
    const line = await proxy.line(({ level }) => level === 'error');
    expect(line).toMatchObject({ msg: 'changed files were refused', kind: 'certificate', route: HOST, detail });
    expect(await served()).toBe(fingerprint(first.certPem));
    expect(await listed()).toMatchObject({ error: expect.stringContaining('does not belong') as string });
    expect((await proxy.ctl('status')).stdout).toMatch(
      /warning: route app\.example\.test .*does not belong.*stay in use/,
    );
    expect(Math.round(await daysLeft())).toBe(30);

    expect(await proxy.ctl('certs', 'reload')).toMatchObject({
      code: 3,
      stdout: '0 reloaded, 0 unchanged, 1 refused\n',
      stderr: expect.stringContaining('does not belong') as string,
    });
    pki.write(HOST, renewed);
    expect(await proxy.ctl('certs', 'reload')).toMatchObject({
      code: 0,
      stdout: '1 reloaded, 0 unchanged, 0 refused\n',
    });
    expect(await served()).toBe(fingerprint(renewed.certPem));
    expect(await listed()).toMatchObject({ error: '' });
  });

  it.each([
    {
      what: 'an expired one',
      pair: () => pki.issue({ names: [HOST], days: 1, notBefore: new Date(Date.now() - 3 * DAY_MS) }),
    },
    { what: 'no PEM at all', pair: () => Promise.resolve({ certPem: 'oops', keyPem: 'oops' }) },
  ])('$what is refused by certs reload and by SIGHUP, and the old one stays', async ({ pair }) => {
    pki.write(HOST, await pair());
    expect(await proxy.ctl('certs', 'reload')).toMatchObject({ code: 3 });
    expect(await served()).toBe(fingerprint(first.certPem));
    expect(await reload(proxy)).toMatchObject({ msg: expect.stringMatching(/^reload failed/) as string });
    expect(await served()).toBe(fingerprint(first.certPem));
  });

  it('SIGHUP reads the pair again', async () => {
    const renewed = await pki.files(HOST);
    expect(await reload(proxy)).toMatchObject({ msg: 'configuration reloaded' });
    expect(await served()).toBe(fingerprint(renewed.certPem));
  });
});

describe('PX-19 certificates at the start', () => {
  const dir = makeTempDir();
  let pki: TestPki;
  beforeAll(async () => {
    pki = await createPki(dir);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it.each([
    {
      what: 'missing',
      files: () => Promise.resolve({ cert: join(dir, 'none.pem'), key: join(dir, 'none.key') }),
      key: 'tls_cert',
      says: /none\.pem cannot be read \(ENOENT\)/,
    },
    {
      what: 'expired',
      files: () => pki.files(HOST, { days: 1, notBefore: new Date(Date.now() - 3 * DAY_MS) }),
      key: 'tls_cert',
      says: /expired on/,
    },
    {
      what: 'not of its key',
      files: async () =>
        pki.write(HOST, {
          ...(await pki.issue({ names: [HOST] })),
          keyPem: (await pki.issue({ names: [HOST] })).keyPem,
        }),
      key: 'tls_key',
      says: /does not belong to the certificate/,
    },
  ])('a certificate that is $what: exit code 78 with its place on stderr', async ({ files, key, says }) => {
    const config = join(dir, 'mc-proxy.toml');
    const text = baseConfig(dir) + listener('127.0.0.1:1', await files());
    writeFileSync(config, text);
    const line = text.split('\n').findIndex((each) => each.startsWith(`${key} =`)) + 1;
    const { code, stdout, stderr } = await run(join(ROOT, 'bin/mc-proxy'), ['server', '--config', config]);
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr).toContain(`${config}:${line}:${key.length + 4}: error: `);
    expect(stderr).toMatch(says);
  });
});
