import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildClientHello } from '../../proxy/client-hello/test/build-client-hello.ts';
import { scrape } from './proxy-control.ts';
import { startMcProxy, type LogLine } from './running-proxy.ts';
import { dial, startTcpBackend } from './tcp-peers.ts';

const ADDR = '127.0.0.1:0';
const HELLO = buildClientHello('raw.example.test');
const LIMIT = 20;

it('PX-12 the limit is one for all workers of a running proxy, by address, and outlives a worker', async () => {
  await using backend = await startTcpBackend((socket) => socket.end('echo'));
  await using proxy = await startMcProxy(
    () => `
[firewall]
rate_limit = ${LIMIT}
rate_window = "10m"
[[listeners]]
addr = "${ADDR}"
[[listeners.routes]]
hostname = "raw.example.test"
backend = "${backend.address}"
mode = "l4"
`,
    {
      workers: 3,
      env: { NODE_OPTIONS: `--import ${join(import.meta.dirname, 'programs/crash-worker.ts')}` },
    },
  );
  const port = proxy.port(ADDR);
  const admitted = async (from: string): Promise<boolean> => {
    try {
      const client = await dial(port, { localAddress: from });
      client.write(HELLO);
      const [answer] = (await once(client, 'data')) as [Buffer];
      client.destroy();
      return answer.toString() === 'echo';
    } catch (error) {
      // The RST may come before the dialling ends.
      expect((error as NodeJS.ErrnoException).code).toBe('ECONNRESET');
      return false;
    }
  };
  const count = async (from: string, connections: number): Promise<number> => {
    const outcomes = await Promise.all(Array.from({ length: connections }, () => admitted(from)));
    return outcomes.filter(Boolean).length;
  };

  expect(await count('127.0.0.2', 100)).toBe(LIMIT);
  expect(await count('127.0.0.3', 100)).toBe(LIMIT);
  const limited = ({ reason }: LogLine): boolean => reason === 'rate_limited';
  await proxy.line((line) => limited(line) && proxy.lines.filter(limited).length === 160);
  // An id begins with what is its worker's own.
  const workers = new Set(proxy.lines.filter(limited).map(({ id }) => String(id).replace(/-[^-]*$/, '')));
  expect(workers.size).toBe(3);

  proxy.signal('SIGUSR2');
  await proxy.line(({ msg }) => msg.startsWith('a worker crashed'));
  expect(await count('127.0.0.2', 20)).toBe(0);
  expect(await count('127.0.0.4', 5)).toBe(5);
  const figures = await scrape(proxy);
  expect(figures.get('mc_proxy_rate_limiter_entries')).toBe(3);
});
