import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireClient } from '../../../deploy/checks/clients.ts';
import { createNetwork, startProgram, type Network } from './network.ts';
import { makeTempDir, run, startMcProxy, type CommandResult, type RunningProxy } from './running-proxy.ts';
import { createPki, type TestPki } from './tls-peers.ts';

const [curl = 'curl'] = requireClient('curl', 'ip');

const EDGE = ':443';
const HOP = '192.0.2.20:4443';

describe.skipIf(process.getuid?.() !== 0)(
  'edge and origin, each on a host of its own (needs root for network namespaces)',
  () => {
    const dir = makeTempDir();
    let net: Network;
    let pki: TestPki;
    let backend: AsyncDisposable;
    let edge: RunningProxy;
    let origin: RunningProxy;

    beforeAll(async () => {
      net = await createNetwork([
        {
          ends: [
            { host: 'inet', addresses: ['203.0.113.66/24', '203.0.113.67/24', '2001:db8::66/64'] },
            { host: 'svc', addresses: ['203.0.113.10/24', '2001:db8::10/64'] },
          ],
        },
        {
          ends: [
            { host: 'svc', addresses: ['192.0.2.10/24'] },
            { host: 'rift', addresses: ['192.0.2.20/24'] },
          ],
        },
      ]);
      pki = await createPki(join(dir, 'pki'));
      const l7 = await pki.files('l7.example.test');
      const l4 = await pki.files('l4.example.test');
      backend = await startProgram(net.on('rift'), join(import.meta.dirname, 'programs/echo-origin.ts'), [
        l4.cert,
        l4.key,
      ]);
      origin = await startMcProxy(
        () => `
[[listeners]]
addr = "${HOP}"
proxy_protocol = true
trusted_proxies = ["192.0.2.10/32"]
[[listeners.routes]]
hostname = "l7.example.test"
backend = "127.0.0.1:8080"
mode = "l7"
tls_cert = "${l7.cert}"
tls_key = "${l7.key}"
[[listeners.routes]]
hostname = "l4.example.test"
backend = "127.0.0.1:8443"
mode = "l4"
`,
        { within: net.on('rift') },
      );
      edge = await startMcProxy(
        () => `
[[listeners]]
addr = "${EDGE}"
[[listeners.routes]]
hostname = "l7.example.test"
backend = "${HOP}"
mode = "l7"
tls_cert = "${l7.cert}"
tls_key = "${l7.key}"
send_proxy_protocol = true
backend_tls = true
backend_verify = "ca"
backend_ca = "${pki.caFile}"
[[listeners.routes]]
hostname = "l4.example.test"
backend = "${HOP}"
mode = "l4"
send_proxy_protocol = true
`,
        { within: net.on('svc') },
      );
    });
    afterAll(async () => {
      await edge[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
      await net[Symbol.asyncDispose]();
      rmSync(dir, { recursive: true, force: true });
    });

    function fetch(hostname: string, address: string, ...args: string[]): Promise<CommandResult> {
      const [command = '', ...within] = net.on('inet');
      const resolve = `${hostname}:443:${address}`;
      const common = ['--silent', '--show-error', '--noproxy', '*', '--max-time', '20', '--cacert', pki.caFile];
      return run(command, [...within, curl, ...common, '--resolve', resolve, ...args, `https://${hostname}/path`]);
    }

    it.each([
      { family: 'IPv4', address: '203.0.113.10', client: '203.0.113.66', args: ['--http1.1'] },
      { family: 'IPv6', address: '[2001:db8::10]', client: '2001:db8::66', args: ['--http2'] },
    ])(
      'PX-6 L7 over both hops, $family: X-Forwarded-For and both logs show the first client',
      async ({ address, client, args }) => {
        const { code, stdout, stderr } = await fetch(
          'l7.example.test',
          address,
          ...args,
          '-H',
          'X-Forwarded-For: 6.6.6.6',
        );
        expect(stderr).toBe('');
        expect(code).toBe(0);
        const { headers } = JSON.parse(stdout) as { headers: Record<string, string> };
        expect(headers['x-forwarded-for']).toBe(client);
        expect(headers['x-real-ip']).toBe(client);
        const atOrigin = await origin.line((line) => line.msg === 'request' && line['client'] === client);
        expect(atOrigin).toMatchObject({ peer: '192.0.2.10', route: 'l7.example.test', status: 200 });
        // PX-23: the id under which the edge logged the connection stands in the origin's line.
        await edge.line((line) => line.msg === 'request' && line['id'] === atOrigin['via']);
        await edge.line((line) => line.msg === 'request' && line['request'] === atOrigin['request']);
      },
    );

    it('PX-6 L4 over both hops: the backend’s own TLS, and the origin’s line shows the first client and the edge’s id', async () => {
      const { code, stdout } = await fetch('l4.example.test', '203.0.113.10');
      expect(code).toBe(0);
      expect(stdout).toContain('"url":"/path"');
      const atOrigin = await origin.line((line) => line.msg === 'connection' && line['route'] === 'l4.example.test');
      expect(atOrigin).toMatchObject({ client: '203.0.113.66', peer: '192.0.2.10' });
      await edge.line((line) => line.msg === 'connection' && line['id'] === atOrigin['via']);
    });

    it('PX-10 the origin’s firewall judges the first client, over L4 and L7, and lets others through', async () => {
      // A client that the edge holds no open connection for: a firewall judges connections when they come, not those it let in.
      const fresh = ['--interface', '203.0.113.67'];
      const status = ['-o', '/dev/null', '-w', '%{http_code}'];
      const blocked = await origin.ctl('firewall', 'block', '--ip', '203.0.113.67');
      expect(blocked.code).toBe(0);
      expect((await fetch('l4.example.test', '203.0.113.10', ...fresh)).code).not.toBe(0);
      expect(await origin.refusal('blocked_ip')).toMatchObject({ client: '203.0.113.67', peer: '192.0.2.10' });
      expect((await fetch('l7.example.test', '203.0.113.10', ...fresh, ...status)).stdout).toBe('502');
      await origin.refusal('blocked_ip');
      expect((await fetch('l7.example.test', '[2001:db8::10]', ...status)).stdout).toBe('200');
      await origin.ctl('firewall', 'unblock', '--ip', '203.0.113.67');
      expect((await fetch('l4.example.test', '203.0.113.10', ...fresh)).code).toBe(0);
    });

    it('PX-10 a peer that is not trusted can not name a client', async () => {
      const [command = '', ...within] = net.on('rift');
      const options = ['--silent', '--show-error', '--max-time', '20', '--cacert', pki.caFile, '--haproxy-protocol'];
      const target = ['--resolve', 'l7.example.test:4443:192.0.2.20', 'https://l7.example.test:4443/'];
      const direct = await run(command, [...within, curl, ...options, ...target]);
      expect(direct.code).not.toBe(0);
      expect(await origin.refusal('proxy_header_untrusted')).toMatchObject({ client: '192.0.2.20' });
    });
  },
);
