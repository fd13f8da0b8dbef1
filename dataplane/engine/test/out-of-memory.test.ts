import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from 'vitest';
import { requireClient } from '../../../deploy/checks/clients.ts';
import { buildClientHello } from '../../proxy/client-hello/test/build-client-hello.ts';
import { listenOn } from '../../proxy/l7/test/harness.ts';
import { makeTempDir, startMcProxy } from './running-proxy.ts';
import { dial, startTcpBackend } from './tcp-peers.ts';
import { createPki, curl } from './tls-peers.ts';

const [curlProgram = '', strace = ''] = requireClient('curl', 'strace');
const ADDR = '127.0.0.1:0';
const HELLO = buildClientHello('raw.example.test');

/**
 * The kernel's own refusals, injected into the system calls of a running process. Memory that V8 itself is denied is another
 * matter: it ends the process, and the service manager starts it again.
 */
describe('ENOMEM and ENOBUFS of the kernel', () => {
  const dir = makeTempDir();
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it.each(['ENOMEM', 'ENOBUFS'])('PX-25 %s fails connections, with a reason, and nothing else', async (errno) => {
    const pki = await createPki(dir);
    const { cert, key } = await pki.files('app.example.test');
    await using raw = await startTcpBackend((socket) => socket.write('echo'));
    await using origin = await listenOn(createServer((_request, response) => response.end('hello')));
    await using proxy = await startMcProxy(
      () => `
[[listeners]]
addr = "${ADDR}"
[[listeners.routes]]
hostname = "app.example.test"
backend = "${origin.address}"
mode = "l7"
tls_cert = "${cert}"
tls_key = "${key}"
[[listeners.routes]]
hostname = "raw.example.test"
backend = "${raw.address}"
mode = "l4"
`,
    );
    const port = proxy.port(ADDR);
    const relayed = async (): Promise<boolean> => {
      const client = await dial(port);
      client.write(HELLO);
      const sign = await Promise.race([
        once(client, 'data').then(() => true),
        once(client, 'end').then(() => false),
      ]).catch(() => false);
      client.destroy();
      return sign;
    };
    const requested = async (): Promise<string> =>
      (await curl(curlProgram, pki.caFile, { hostname: 'app.example.test', port })).stdout;

    const faults = ['accept4', 'connect', 'setsockopt'].map((call) => `--inject=${call}:error=${errno}:when=1+2`);
    const tracer = spawn(
      strace,
      ['-f', '-p', String(proxy.pid), '-o', '/dev/null', '--trace=accept4,connect,setsockopt', ...faults],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    try {
      for await (const line of createInterface({ input: tracer.stderr })) if (line.includes('attached')) break;
      await Promise.all(Array.from({ length: 20 }, relayed));
      for (let count = 0; count < 6; count++) await requested();
    } finally {
      tracer.kill('SIGINT');
      await once(tracer, 'exit');
    }
    const refused = await proxy.refusal('limit_upstreams');
    expect(refused['detail']).toContain(errno);
    expect(await relayed()).toBe(true);
    expect(await requested()).toBe('hello|200 2');
    expect(proxy.lines.filter(({ msg }) => /crash/.test(msg))).toEqual([]);
  });
});
