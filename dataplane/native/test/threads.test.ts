import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { createCoreReactor } from '../core/reactor.ts';
import { loadCore } from '../load.ts';

const PROGRAM = join(import.meta.dirname, 'programs/reactor-program.ts');

describe.runIf(loadCore().core)('the native reactor and its thread', () => {
  it('PX-25 a worker that is terminated takes its sockets with it, and the others go on', async () => {
    const before = readdirSync('/proc/self/fd').length;
    const [victim, witness] = await Promise.all([startWorker(), startWorker()]);
    const waiting = await Promise.all(Array.from({ length: 20 }, () => dial(victim.port)));
    const gone = waiting.map((socket) => ended(socket));
    await victim.worker.terminate();
    await Promise.all(gone);
    expect(await fate(witness.port, 'x')).toBe('ECONNRESET');
    await witness.worker.terminate();
    await expect.poll(() => readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before);
  });

  it('PX-25 what a handler throws is an uncaught exception of its thread; who catches it goes on', async () => {
    const { worker, port } = await startWorker({ swallow: true });
    const message = once(worker, 'message');
    expect(await fate(port, 't')).toBe('ECONNRESET');
    expect(await message).toEqual(['thrown on demand']);
    expect(await fate(port, 'x')).toBe('ECONNRESET');
    await worker.terminate();
  });

  it('PX-25 and ends the worker where nobody catches it', async () => {
    const { worker, port } = await startWorker();
    const error = once(worker, 'error');
    const client = await dial(port);
    client.on('error', () => {});
    client.write('t');
    expect(((await error)[0] as Error).message).toBe('thrown on demand');
  });

  it('PX-21 a listener that closes serves those who wait in its queue', async () => {
    const { core } = loadCore();
    if (!core) throw new Error('it is loaded');
    await using reactor = createCoreReactor(core);
    const listener = await reactor.listen<null>({
      endpoint: { kind: 'tcp', host: '127.0.0.1', port: 0 },
      backlog: 512,
      helloTimeoutMs: () => 60_000,
      handler: {
        failed: () => {},
        arrived: (batch) => batch.forEach((arrival) => arrival.reply(Buffer.from('bye'))),
      },
    });
    const sockets = Array.from({ length: 300 }, () => connect({ port: listener.port, host: '127.0.0.1' }));
    // Then the kernel has shaken hands with all of them and nobody has accepted.
    await new Promise((resolve) => process.nextTick(resolve));
    const replies = sockets.map((socket) => once(socket, 'data').then(([chunk]) => String(chunk)));
    await listener.close();
    expect(new Set(await Promise.all(replies))).toEqual(new Set(['bye']));
    for (const socket of sockets) socket.destroy();
  });

  it('keeps the process alive as long as there are listeners or connections, and no longer', async () => {
    const child = spawn(process.execPath, [PROGRAM], { stdio: ['ignore', 'pipe', 'inherit'] });
    const port = Number(String((await once(child.stdout, 'data'))[0]));
    const held = await dial(port);
    held.write('held');
    expect(await fate(port, 'c')).toBe('ECONNRESET');
    expect(child.exitCode).toBeNull();
    held.on('error', () => {});
    const exit = once(child, 'exit');
    held.end();
    expect(await exit).toEqual([0, null]);
  });
});

async function startWorker(data: object = {}): Promise<{ worker: Worker; port: number }> {
  const worker = new Worker(PROGRAM, { workerData: data });
  const [port] = (await once(worker, 'message')) as [number];
  return { worker, port };
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
}

/** Sends the text; how the connection ended. */
async function fate(port: number, text: string): Promise<string> {
  const socket = await dial(port);
  socket.write(text);
  return ended(socket);
}

function ended(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('end', () => {
      socket.destroy();
      resolve('end');
    });
    socket.resume();
  });
}
