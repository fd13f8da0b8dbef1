import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Arrival, ArrivalHandler, RelayEnd, RelayPlan } from '../native.ts';
import { reactorEngines } from './engines.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe.each(reactorEngines)('reactor ($name)', ({ create }) => {
  async function serve(
    decide: (arrival: Arrival<{ calls: number }>) => void,
    helloTimeoutMs = 10_000,
  ): Promise<number> {
    const reactor = create();
    cleanups.push(async () => reactor[Symbol.asyncDispose]());
    const handler: ArrivalHandler<{ calls: number }> = {
      arrived: (batch) => batch.forEach(decide),
      failed: (error) => {
        throw error;
      },
    };
    const listener = await reactor.listen({
      endpoint: { kind: 'tcp', host: '127.0.0.1', port: 0 },
      backlog: 16,
      helloTimeoutMs: () => helloTimeoutMs,
      handler,
    });
    return listener.port;
  }

  it('asks again until the handler has the bytes it wants, and consumes nothing', async () => {
    const seen: string[] = [];
    const done = Promise.withResolvers<void>();
    const port = await serve((arrival) => {
      seen.push(Buffer.from(arrival.bytes).toString());
      if (arrival.bytes.length < 6) return arrival.more(6);
      arrival.reset();
      done.resolve();
    });
    const client = await dial(port);
    client.write('abc');
    await new Promise((resolve) => setImmediate(resolve));
    client.write('def');
    await done.promise;
    expect(seen[0]).toBe('');
    expect(seen.at(-1)).toBe('abcdef');
  });

  it('PX-9 reset closes by RST, before and after bytes came', async () => {
    for (const wanted of [0, 1]) {
      const port = await serve((arrival) => (arrival.bytes.length < wanted ? arrival.more(wanted) : arrival.reset()));
      // The RST may be there before the client has noticed that it was connected.
      const client = connect({ port, host: '127.0.0.1' }, () => client.write('x'));
      const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
      expect(error.code).toBe('ECONNRESET');
    }
  });

  it('calls with the state timeout once the hello deadline passed, however often the peer dribbles', async () => {
    const states: string[] = [];
    const port = await serve((arrival) => {
      states.push(arrival.state);
      if (arrival.state === 'timeout') arrival.reset();
      else arrival.more(1000);
    }, 80);
    const client = await dial(port);
    const dribble = setInterval(() => client.write('x'), 10);
    await once(client, 'error');
    clearInterval(dribble);
    expect(states.at(-1)).toBe('timeout');
  });

  it('calls with the state closed when the peer leaves first', async () => {
    const closed = Promise.withResolvers<void>();
    const port = await serve((arrival) => {
      if (arrival.state === 'closed') closed.resolve();
      else arrival.more(10);
    });
    const client = await dial(port);
    client.end('abc');
    await closed.promise;
  });

  it('adopt hands over a socket whose first byte is the one after skip', async () => {
    const port = await serve((arrival) => {
      if (arrival.bytes.length < 5) return arrival.more(5);
      const socket = arrival.adopt(2);
      socket.on('data', (chunk: Buffer) => socket.write(chunk.toString().toUpperCase()));
      socket.resume();
    });
    const client = await dial(port);
    client.write('12abc');
    expect(await readBytes(client, 3)).toBe('ABC');
    client.write('def');
    expect(await readBytes(client, 3)).toBe('DEF');
    client.end();
    await closed(client);
  });

  it('reply answers and closes', async () => {
    const port = await serve((arrival) =>
      arrival.bytes.length === 0 ? arrival.more(1) : arrival.reply(Buffer.from('bye')),
    );
    const client = await dial(port);
    client.write('hello');
    expect(await readAll(client)).toBe('bye');
  });

  it('PX-2 relay writes prefix and peeked bytes, passes half-close on, and counts both ways', async () => {
    const backend = await backendServer((socket) => {
      let received = '';
      socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
      // Answers only after the client's half-close reached it.
      socket.on('end', () => socket.end(`got ${received}`));
    });
    const ended = Promise.withResolvers<{ end: RelayEnd; bytesUp: number; bytesDown: number }>();
    const port = await serve((arrival) => {
      if (arrival.bytes.length < 5) return arrival.more(5);
      arrival.relay(plan(backend, { prefix: Buffer.from('P:'), skip: 2 }), {
        connected: () => {},
        connectFailed: (code) => ended.reject(new Error(code)),
        closed: ended.resolve,
      });
    });
    const client = await dial(port);
    client.write('12abc');
    client.end('def');
    expect(await readAll(client)).toBe('got P:abcdef');
    expect(await ended.promise).toEqual({ end: 'finished', bytesUp: 6, bytesDown: 12 });
  });

  it('a failed connect consumes nothing, and the next backend gets it all', async () => {
    const dead = await backendServer(() => {});
    const alive = await backendServer((socket) => socket.pipe(socket));
    await cleanups.splice(-2, 1)[0]?.();
    const codes: string[] = [];
    const port = await serve((arrival) => {
      if (arrival.bytes.length < 3) return arrival.more(3);
      const attempt = (backend: number): void => {
        arrival.relay(plan(backend), {
          connected: () => {},
          connectFailed: (code) => {
            codes.push(code);
            attempt(alive);
          },
          closed: () => {},
        });
      };
      attempt(dead);
    });
    const client = await dial(port);
    client.write('abc');
    expect(await readBytes(client, 3)).toBe('abc');
    expect(codes).toEqual(['ECONNREFUSED']);
    client.destroy();
  });

  it.each([
    { who: 'client', end: 'client_reset' },
    { who: 'backend', end: 'backend_reset' },
    { who: 'kill', end: 'killed' },
    { who: 'idle', end: 'idle_timeout' },
  ] as const)('a relay ended by $who resets the other side and says $end', async ({ who, end }) => {
    const backendSocket = Promise.withResolvers<Socket>();
    const backend = await backendServer((socket) => backendSocket.resolve(socket));
    const ended = Promise.withResolvers<RelayEnd>();
    const connected = Promise.withResolvers<void>();
    let kill = (): void => {};
    const port = await serve((arrival) => {
      if (arrival.bytes.length < 1) return arrival.more(1);
      const handle = arrival.relay(plan(backend, { idleTimeoutMs: who === 'idle' ? 100 : 10_000 }), {
        connected: connected.resolve,
        connectFailed: (code) => ended.reject(new Error(code)),
        closed: (result) => ended.resolve(result.end),
      });
      kill = () => handle.kill();
    });
    const client = await dial(port);
    client.on('error', () => {});
    client.write('x');
    await connected.promise;
    const socket = await backendSocket.promise;
    const clientGone = closed(client);
    const backendGone = closed(socket);
    socket.on('error', () => {});
    socket.resume();
    if (who === 'client') client.resetAndDestroy();
    if (who === 'backend') socket.resetAndDestroy();
    if (who === 'kill') kill();
    expect(await ended.promise).toBe(end);
    await Promise.all([clientGone, backendGone]);
  });

  it('PX-3 a reader that does not read stops the writer: what is buffered stays bounded', async () => {
    let sent = 0;
    const stalled = Promise.withResolvers<void>();
    const backend = await backendServer((socket) => {
      const chunk = Buffer.alloc(64 * 1024);
      const pump = (): void => {
        while (sent < 256 * 1024 * 1024) {
          sent += chunk.length;
          if (!socket.write(chunk)) {
            socket.once('drain', pump);
            return;
          }
        }
      };
      pump();
    });
    const port = await serve((arrival) => {
      if (arrival.bytes.length < 1) return arrival.more(1);
      arrival.relay(plan(backend), { connected: () => {}, connectFailed: () => {}, closed: () => {} });
    });
    const client = await dial(port);
    client.pause();
    client.write('x');
    let before = -1;
    const watch = setInterval(() => {
      if (sent === before && sent > 0) stalled.resolve();
      before = sent;
    }, 200);
    await stalled.promise;
    clearInterval(watch);
    // Socket buffers of two connections and a chunk or two, far from the 256 MiB that the backend wants to send.
    expect(sent).toBeLessThan(64 * 1024 * 1024);
    client.destroy();
  });
});

function plan(port: number, over: Partial<RelayPlan> = {}): RelayPlan {
  return { host: '127.0.0.1', port, prefix: null, skip: 0, connectTimeoutMs: 5000, idleTimeoutMs: 10_000, ...over };
}

async function backendServer(serve: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  cleanups.push(async () => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Unlike once(socket, 'close'), doesn't reject when the close came by an error. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

function readBytes(socket: Socket, count: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer): void => {
      text += chunk.toString();
      if (text.length < count) return;
      socket.off('data', onData);
      resolve(text);
    };
    socket.on('data', onData);
    socket.once('error', reject);
  });
}

function readAll(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.once('end', () => {
      socket.end();
      resolve(text);
    });
    socket.once('error', reject);
  });
}
