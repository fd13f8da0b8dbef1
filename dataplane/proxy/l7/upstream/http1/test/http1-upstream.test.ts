import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createRig, listenOn, type Rig } from '../../../test/harness.ts';

/** A backend of whose connections each says what it got so far to `answer`, whenever more has come. */
async function scripted(answer: (socket: Socket, text: string, connection: number) => void) {
  let connections = 0;
  const listening = await listenOn(
    createServer((socket) => {
      const number = ++connections;
      let text = '';
      socket.on('data', (chunk: Buffer) => answer(socket, (text += chunk.toString('latin1')), number));
    }),
  );
  return { listening, count: () => connections };
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

async function get(rig: Rig, more = ''): Promise<string> {
  return rig.raw('app.test', `GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n${more}\r\n`);
}

describe('PX-3 HTTP/1.1 to backends', () => {
  it.each([
    ['Content-Length: 1000', 'Content-Length: 1000'],
    ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
  ])(
    'a backend refuses an upload (%s) before a byte of it has come, and the client hears at once',
    async (_name, framing) => {
      await using rig = await createRig();
      const { listening } = await scripted((socket, text) => {
        if (text.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno');
      });
      await using backend = listening;
      await rig.addRoute('app.test', backend.address);
      const client = await rig.tls('app.test');
      client.write(`POST / HTTP/1.1\r\nHost: app.test\r\n${framing}\r\n\r\n`);
      const [answer] = (await once(client, 'data')) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 401 [^]*no$/);
      client.destroy();
    },
  );

  it('a connection on which an upload was refused is not used again', async () => {
    await using rig = await createRig();
    const { listening, count } = await scripted((socket, text, connection) => {
      if (connection === 1) socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n');
      else if (text.endsWith('\r\n\r\n')) socket.write(OK);
    });
    await using backend = listening;
    await rig.addRoute('app.test', backend.address);
    const client = await rig.tls('app.test');
    client.write('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000\r\n\r\nabc');
    const [answer] = (await once(client, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 /);
    client.destroy();
    expect(await get(rig)).toMatch(/^HTTP\/1\.1 200 /);
    expect(count()).toBe(2);
  });

  it('a 100 that nobody asked for is passed over', async () => {
    await using rig = await createRig();
    const { listening } = await scripted((socket) => socket.write(`HTTP/1.1 100 Continue\r\n\r\n${OK}`));
    await using backend = listening;
    await rig.addRoute('app.test', backend.address);
    expect(await get(rig)).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('requests without a body say so where backends wait for one', async () => {
    await using rig = await createRig();
    const heads: string[] = [];
    const { listening } = await scripted((socket, text) => {
      heads.push(text);
      socket.write(OK);
    });
    await using backend = listening;
    await rig.addRoute('app.test', backend.address);
    await rig.raw('app.test', 'POST / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n');
    expect(heads[0]).toMatch(/\r\nContent-Length: 0\r\n/);
    await get(rig);
    expect(heads[1]?.slice(heads[0]?.length)).not.toMatch(/content-length|transfer-encoding/i);
  });

  it('trailers of a backend reach a client that accepts them', async () => {
    await using rig = await createRig();
    const { listening } = await scripted((socket) =>
      socket.write(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nX-Real-IP: evil\r\n\r\n',
      ),
    );
    await using backend = listening;
    await rig.addRoute('app.test', backend.address);
    const text = await get(rig, 'TE: trailers\r\n');
    expect(text).toMatch(/\r\n2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n$/);
  });
});

describe('PX-25 connections to backends', () => {
  it.each<[string, (socket: Socket) => void]>([
    ['together with it', (socket) => socket.write(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`)],
    [
      'later',
      (socket) =>
        socket.write(OK, () => setImmediate(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'))),
    ],
  ])('bytes after a response, %s, are nobody’s: the connection closes', async (_name, answer) => {
    await using rig = await createRig();
    const closed = Promise.withResolvers<void>();
    const { listening, count } = await scripted((socket, _text, connection) => {
      if (connection > 1) return void socket.write(OK);
      socket.once('close', () => closed.resolve());
      answer(socket);
    });
    await using backend = listening;
    await rig.addRoute('app.test', backend.address);
    expect(await get(rig)).toMatch(/^HTTP\/1\.1 200 [^]*ok$/);
    await closed.promise;
    expect(await get(rig)).toMatch(/^HTTP\/1\.1 200 [^]*ok$/);
    expect(count()).toBe(2);
  });

  it('are kept, one for each request at a time, and no longer than the backend keeps them', async () => {
    await using rig = await createRig();
    const kept = OK.replace('\r\n', '\r\nKeep-Alive: timeout=1\r\n');
    const held: Socket[] = [];
    const closed = Promise.withResolvers<void>();
    const { listening, count } = await scripted((socket) => {
      socket.once('close', () => closed.resolve());
      held.push(socket);
      if (held.length >= 2) for (const each of held) each.write(kept);
    });
    await using backend = listening;
    await rig.addRoute('app.test', backend.address);
    for (const answer of await Promise.all([get(rig), get(rig)])) expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(count()).toBe(2);
    await closed.promise;
  });

  it('a route that is replaced closes the idle ones', async () => {
    await using rig = await createRig();
    const closed = Promise.withResolvers<void>();
    const { listening } = await scripted((socket) => {
      socket.once('close', () => closed.resolve());
      socket.write(OK);
    });
    await using backend = listening;
    await rig.addRoute('app.test', backend.address);
    expect(await get(rig)).toMatch(/^HTTP\/1\.1 200 /);
    await rig.addRoute('app.test', backend.address);
    await closed.promise;
  });
});
