import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { formatIp, type IpAddress, type SocketAddress } from '../../net/address.ts';
import type { DatagramBatch, DatagramOptions, DatagramSocket } from '../native.ts';
import { datagramEngines } from './engines.ts';

/** Sends back what came, with the address that it was sent to before it. */
function echo(batch: DatagramBatch): void {
  for (let index = 0; index < batch.count; index++) {
    const body = batch.input.subarray(batch.start(index), batch.end(index));
    const answer = Buffer.concat([Buffer.from(`${formatIp(batch.local(index))} ${batch.cut(index)} `), body]);
    batch.output.set(answer.subarray(0, 1024), batch.room(index));
    batch.reply(index, Math.min(answer.length, 1024));
  }
}

const raise = (error: Error): never => {
  throw error;
};

const options = (host: string, received: DatagramOptions['handler']['received'], batch = 32): DatagramOptions => ({
  host,
  port: 0,
  batch,
  maxBytes: 1024,
  handler: { received, failed: raise },
});

async function client(family: 'udp4' | 'udp6', address: string): Promise<Socket & AsyncDisposable> {
  const socket = createSocket(family);
  socket.bind(0, address);
  await once(socket, 'listening');
  return Object.assign(socket, {
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  });
}

async function ask(
  socket: Socket,
  server: DatagramSocket,
  address: string,
  body: Uint8Array,
): Promise<[Buffer, string]> {
  const answer = once(socket, 'message');
  socket.send(body, server.port, address);
  const [message, from] = (await answer) as [Buffer, { address: string }];
  return [message, from.address];
}

describe.each(datagramEngines)('datagrams, $engine', (engine) => {
  test('answers over IPv4 and IPv6, and counts', async () => {
    for (const [family, address] of [
      ['udp4', '127.0.0.1'],
      ['udp6', '::1'],
    ] as const) {
      await using server = await engine.bind(options(address, echo));
      await using asking = await client(family, address);
      const [answer, from] = await ask(asking, server, address, Buffer.from('hello'));
      expect(answer.toString()).toBe(`${address} false hello`);
      expect(from).toBe(address);
      await expect.poll(() => server.stats()).toEqual({ received: 1, sent: 1, dropped: 0 });
    }
  });

  test.each(['0.0.0.0', '::'])('NS-10 bound to %s, a reply leaves from the address that was asked', async (host) => {
    const own = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ family }) => family === 'IPv4')
      .map(({ address }) => address);
    await using server = await engine.bind(options(host, echo));
    for (const address of own) {
      await using asking = await client('udp4', '0.0.0.0');
      const [answer, from] = await ask(asking, server, address, Buffer.from('x'));
      expect(from).toBe(address);
      expect(answer.toString()).toBe(`${address} false x`);
    }
  });

  test('a datagram that is too long arrives cut, an empty one empty', async () => {
    await using server = await engine.bind(options('127.0.0.1', echo));
    await using asking = await client('udp4', '127.0.0.1');
    const [long] = await ask(asking, server, '127.0.0.1', Buffer.alloc(3000, 97));
    expect(long.toString()).toBe(`127.0.0.1 true ${'a'.repeat(1024)}`.slice(0, 1024));
    const [empty] = await ask(asking, server, '127.0.0.1', Buffer.alloc(0));
    expect(empty.toString()).toBe('127.0.0.1 false ');
  });

  test('sends later, to whom it wants', async () => {
    const asked: { peer: SocketAddress; local: IpAddress }[] = [];
    await using server = await engine.bind(
      options('127.0.0.1', (batch) => {
        for (let index = 0; index < batch.count; index++) {
          asked.push({ peer: batch.peer(index), local: batch.local(index) });
        }
      }),
    );
    await using asking = await client('udp4', '127.0.0.1');
    asking.send('one', server.port, '127.0.0.1');
    await expect.poll(() => asked.length).toBe(1);
    const answer = once(asking, 'message');
    for (const { peer, local } of asked) server.send(Buffer.from('later'), peer, local);
    expect(String((await answer)[0])).toBe('later');
  });

  test('every datagram of a burst is answered once, in batches of no more than asked for', async () => {
    const sizes: number[] = [];
    await using server = await engine.bind(
      options(
        '127.0.0.1',
        (batch) => {
          sizes.push(batch.count);
          echo(batch);
        },
        8,
      ),
    );
    await using asking = await client('udp4', '127.0.0.1');
    const answers = new Set<string>();
    const all = new Promise<void>((resolve) => {
      asking.on('message', (message) => {
        answers.add(message.toString());
        if (answers.size === 200) resolve();
      });
    });
    for (let index = 0; index < 200; index++) asking.send(`${index}`, server.port, '127.0.0.1');
    await all;
    expect(Math.max(...sizes)).toBeLessThanOrEqual(8);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(200);
  });

  test('two sockets share a port; a closed one frees it', async () => {
    await using first = await engine.bind(options('127.0.0.1', echo));
    const second = await engine.bind({ ...options('127.0.0.1', echo), port: first.port });
    expect(second.port).toBe(first.port);
    await second.close();
    await first.close();
    const taken = await client('udp4', '127.0.0.1');
    await taken[Symbol.asyncDispose]();
    await using again = await engine.bind({ ...options('127.0.0.1', echo), port: first.port });
    expect(again.port).toBe(first.port);
  });

  test('an address that is not ours is refused with the system’s error', async () => {
    await expect(engine.bind(options('192.0.2.1', echo))).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
  });
});

describe('a thread with an open socket of datagrams', () => {
  async function started(): Promise<{ thread: Worker; port: number }> {
    const thread = new Worker(new URL('datagram-worker.ts', import.meta.url));
    const [port] = (await once(thread, 'message')) as [number];
    return { thread, port };
  }

  async function isFree(port: number): Promise<void> {
    const socket = createSocket('udp4');
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    socket.close();
    await once(socket, 'close');
  }

  test('can be terminated: its port is free, the process lives', async () => {
    const { thread, port } = await started();
    await using asking = await client('udp4', '127.0.0.1');
    const answer = once(asking, 'message');
    asking.send('x', port, '127.0.0.1');
    expect(String((await answer)[0])).toBe('ok');
    await thread.terminate();
    await isFree(port);
  });

  test('ends by what its handler throws, as by any uncaught exception', async () => {
    const { thread, port } = await started();
    const failed = once(thread, 'error');
    await using asking = await client('udp4', '127.0.0.1');
    asking.send('throw', port, '127.0.0.1');
    expect((await failed)[0]).toMatchObject({ message: 'the handler threw' });
    await expect.poll(() => thread.threadId).toBe(-1);
    await isFree(port);
  });
});
