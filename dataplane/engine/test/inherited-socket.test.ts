import { EventEmitter, once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requireClient } from '../../../deploy/checks/clients.ts';
import { loadCore } from '../../native/load.ts';
import { buildClientHello } from '../../proxy/client-hello/test/build-client-hello.ts';
import { makeTempDir, startMcProxy, type RunningProxy, type StartOptions } from './running-proxy.ts';
import { startSocketUnit, type SocketUnit } from './socket-unit.ts';
import { dial, startTcpBackend, type TcpBackend } from './tcp-peers.ts';

requireClient('python3');

const HELLO = buildClientHello('raw.example.test');

describe('a listening socket of the service manager (fd:NAME)', () => {
  let dir: string;
  let unit: SocketUnit;
  let backend: TcpBackend;

  beforeEach(async () => {
    dir = makeTempDir();
    unit = await startSocketUnit();
    backend = await startTcpBackend((socket) => socket.end('echo'));
  });
  afterEach(async () => {
    await backend[Symbol.asyncDispose]();
    await unit[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  it('PX-21 a restart of the service fails no connection: the socket unit keeps those that wait', async () => {
    let first = await start();
    expect(first.port('fd:https')).toBe(unit.port);
    const connecting = connectAllTheWhile();
    await connecting.more(5);
    for (let upgrade = 0; upgrade < 2; upgrade++) {
      first.signal('SIGTERM');
      expect(await first.ended).toBe(0);
      // Nobody accepts now; what comes waits in the kernel's queue.
      first = await start();
      await connecting.more(5);
    }
    expect(await connecting.stop()).toEqual([]);
    await first[Symbol.asyncDispose]();
  });

  it.runIf(loadCore().core)('PX-25 outlives a worker that crashes: each has a duplicate of it', async () => {
    const preload = join(import.meta.dirname, 'programs/crash-worker.ts');
    await using proxy = await start({ env: { NODE_OPTIONS: `--import ${preload}` } });
    proxy.signal('SIGUSR2');
    await proxy.line(({ msg }) => msg.startsWith('a worker crashed'));
    for (let count = 0; count < 8; count++) await answer();
  });

  it('PX-25 lost with the one worker that had it (portable engine), the process ends, and the next one serves the socket', async () => {
    const preload = join(import.meta.dirname, 'programs/crash-worker.ts');
    await using proxy = await start({ env: { NODE_OPTIONS: `--import ${preload}`, MC_NATIVE: 'off' } });
    await answer();
    proxy.signal('SIGUSR2');
    expect(await proxy.ended).toBe(1);
    const last = proxy.lines.findLast(({ level }) => level === 'fatal');
    expect(JSON.stringify(last)).toContain('listener fd:https: the inherited socket was closed with the worker');
    const waiting = answer();
    await using next = await start();
    await waiting;
    await next.line(({ msg }) => msg === 'ready');
  });

  it('PX-25 is not the end where the listener has an address: the replacement binds it again', async () => {
    const preload = join(import.meta.dirname, 'programs/crash-worker.ts');
    await using proxy = await start({ env: { NODE_OPTIONS: `--import ${preload}` }, within: [] }, '127.0.0.1:0');
    const port = proxy.port('127.0.0.1:0');
    proxy.signal('SIGUSR2');
    await proxy.line(({ msg }) => msg.startsWith('a worker crashed'));
    for (let count = 0; count < 8; count++) await answer(port);
  });

  function start(options: StartOptions = {}, addr = 'fd:https'): Promise<RunningProxy> {
    return startMcProxy(
      () => `
[[listeners]]
addr = "${addr}"
[[listeners.routes]]
hostname = "raw.example.test"
backend = "${backend.address}"
mode = "l4"
`,
      { dir, within: unit.within, ...options },
    );
  }

  async function answer(port = unit.port): Promise<void> {
    const client = await dial(port);
    try {
      client.write(HELLO);
      expect(String((await once(client, 'data'))[0])).toBe('echo');
    } finally {
      client.destroy();
    }
  }

  /** Three clients that connect one time after the other, until they are stopped or one fails. */
  function connectAllTheWhile(): ConnectLoop {
    const stop = new AbortController();
    const progress = new EventEmitter();
    const loop: { answered: number; failures: unknown[] } = { answered: 0, failures: [] };
    const client = async (): Promise<void> => {
      while (!stop.signal.aborted && loop.failures.length === 0) {
        await answer().then(
          () => loop.answered++,
          (error: unknown) => loop.failures.push(error),
        );
        progress.emit('answer');
      }
    };
    const clients = [client(), client(), client()];
    return {
      async more(count) {
        const enough = loop.answered + count;
        while (loop.answered < enough && loop.failures.length === 0) await once(progress, 'answer');
      },
      async stop() {
        stop.abort();
        await Promise.all(clients);
        return loop.failures;
      },
    };
  }
});

interface ConnectLoop {
  /** Resolves when so many more were answered, or one failed. */
  more(count: number): Promise<void>;
  /** Resolves with what failed. */
  stop(): Promise<unknown[]>;
}
