import { X509Certificate } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireClient } from '../../../deploy/checks/clients.ts';
import { listenOn } from '../../proxy/l7/test/harness.ts';
import { ctlJson, scrape } from './proxy-control.ts';
import { makeTempDir, run, startMcProxy, type CommandResult, type RunningProxy } from './running-proxy.ts';
import { fate } from './tcp-peers.ts';
import {
  ask,
  createPki,
  curl,
  dialTls,
  dialTlsInPieces,
  startHttpsOrigin,
  type CertificateFiles,
  type TestPki,
} from './tls-peers.ts';

const LISTENER = '127.0.0.1:0';
const ENDED = 'app.example.test';
const RELAYED = 'vault.example.test';

describe('L4 and L7 routes on one listener, with real clients', () => {
  const [curlProgram = '', openssl = ''] = requireClient('curl', 'openssl');
  const dir = makeTempDir();
  let pki: TestPki;
  let front: CertificateFiles;
  let backend: CertificateFiles;
  let http: Awaited<ReturnType<typeof listenOn>>;
  let https: Awaited<ReturnType<typeof startHttpsOrigin>>;
  let proxy: RunningProxy;

  beforeAll(async () => {
    pki = await createPki(dir);
    front = await pki.files(ENDED);
    backend = await pki.files(RELAYED);
    http = await listenOn(createServer((request, response) => response.end(`${request.headers['x-forwarded-proto']}`)));
    https = await startHttpsOrigin(backend, (_request, response) => response.end('the vault itself'));
    proxy = await startMcProxy(
      () => `
[[listeners]]
addr = "${LISTENER}"
[[listeners.routes]]
hostname = "${ENDED}"
backend = "${http.address}"
mode = "l7"
tls_cert = "${front.cert}"
tls_key = "${front.key}"
[[listeners.routes]]
hostname = "${RELAYED}"
backend = "${https.address}"
mode = "l4"
`,
    );
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await http[Symbol.asyncDispose]();
    await https[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  const get = (hostname: string, ...args: string[]): ReturnType<typeof curl> =>
    curl(curlProgram, pki.caFile, { hostname, port: proxy.port(LISTENER) }, { args });
  const sClient = (hostname: string, ...args: string[]): Promise<CommandResult> =>
    run(
      openssl,
      `s_client -connect 127.0.0.1:${proxy.port(LISTENER)} -servername ${hostname} -CAfile ${pki.caFile} -verify_return_error`
        .split(' ')
        .concat(args),
    );
  const explained = (sni: string): Promise<unknown> => ctlJson(proxy, 'explain', '--ip', '127.0.0.1', '--sni', sni);
  const terminated = { outcome: 'terminate', reason: '', route: { hostname: ENDED, mode: 'l7' } };
  const relayed = { outcome: 'relay', reason: '', route: { hostname: RELAYED, mode: 'l4' } };

  it.each([
    { option: '--http1.1', version: '1.1' },
    { option: '--http2', version: '2' },
  ])('PX-3 curl $option is served by the L7 route', async ({ option, version }) => {
    expect(await get(ENDED, option)).toMatchObject({ code: 0, stdout: `https|200 ${version}` });
    expect(await explained(ENDED)).toMatchObject(terminated);
  });

  it.each(['--http1.1', '--http2'])('PX-4 curl %s is relayed by the L4 route', async (option) => {
    expect((await get(RELAYED, option)).stdout).toMatch(/^the vault itself\|200/);
    expect(await explained(RELAYED)).toMatchObject(relayed);
  });

  it('PX-3 TLS 1.2 to the L7 route: alert protocol_version, counted as tls_version', async () => {
    const { code, stderr } = await sClient(ENDED, '-tls1_2');
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/alert protocol version/);
    expect(await proxy.refusal('tls_version')).toMatchObject({ route: ENDED, sni: ENDED });
    expect((await scrape(proxy)).get(`mc_proxy_refused_total{reason="tls_version",listener="${LISTENER}"}`)).toBe(1);
  });

  it.each(['-tls1_3', '-tls1_2'])("PX-2 %s to the L4 route: the handshake is the backend's own", async (version) => {
    const { code, stdout } = await sClient(RELAYED, version);
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Verify return code: 0 (ok)') as string,
    });
    expect(new X509Certificate(stdout.slice(stdout.indexOf('-----BEGIN'))).fingerprint256).toBe(
      new X509Certificate(backend.certPem).fingerprint256,
    );
  });

  it('PX-4 a post-quantum hello reaches both routes', async () => {
    // Its only group: a handshake without it would fail.
    const options = { ca: pki.caPem, ecdhCurve: 'X25519MLKEM768' };
    for (const [servername, pair, answer] of [
      [ENDED, front, 'https'],
      [RELAYED, backend, 'the vault itself'],
    ] as const) {
      const socket = await dialTls(proxy.port(LISTENER), { ...options, servername });
      expect(socket.getPeerX509Certificate()?.fingerprint256).toBe(new X509Certificate(pair.certPem).fingerprint256);
      expect(await ask(socket, servername)).toMatch(new RegExp(`^HTTP/1.1 200 [^]*${answer}`));
    }
  });

  it.each([23, 1])('PX-4 a real hello in segments of %i bytes reaches both routes', async (size) => {
    for (const servername of [ENDED, RELAYED]) {
      const socket = await dialTlsInPieces(proxy.port(LISTENER), size, { ca: pki.caPem, servername });
      expect(await ask(socket, servername)).toMatch(/^HTTP\/1.1 200 /);
    }
  });

  it('PX-14 explain says what becomes of a name that nobody has, and that is what becomes of it', async () => {
    expect(await explained('other.example.test')).toMatchObject({ outcome: 'refuse', reason: 'no_route', route: null });
    expect((await get('other.example.test')).stdout).toBe('|000 0');
    expect(await proxy.refusal('no_route')).toMatchObject({ sni: 'other.example.test' });
    expect(await fate(proxy.port(LISTENER), Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toBe('reset');
  });
});
