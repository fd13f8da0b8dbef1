import { once } from 'node:events';
import { mkdtemp, open, rm, truncate, writeFile, type FileHandle } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileShortError } from '../native.ts';
import { fileSenders } from './engines.ts';

const SIZE = 8 * 1024 * 1024;
const content = Buffer.alloc(SIZE, Buffer.from(Array.from({ length: 251 }, (_, index) => index)));
const never = new AbortController().signal;
let folder = '';
let file: FileHandle;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'send-file-'));
  await writeFile(join(folder, 'blob'), content);
  file = await open(join(folder, 'blob'));
});

afterAll(async () => {
  await file.close();
  await rm(folder, { recursive: true });
});

interface Pair extends AsyncDisposable {
  /** Ours, which the file goes to. */
  readonly socket: Socket;
  readonly receiver: Socket;
}

async function connectedPair(): Promise<Pair> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const receiver = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  await once(receiver, 'connect');
  for (const end of [socket, receiver]) end.on('error', () => end.destroy());
  return {
    socket,
    receiver,
    async [Symbol.asyncDispose]() {
      socket.destroy();
      receiver.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

describe.each(fileSenders)('sending a file, $engine', (sender) => {
  test('a range arrives between what is written before and after it', async () => {
    await using pair = await connectedPair();
    const received = buffer(pair.receiver);
    pair.socket.write('head');
    await sender.send(pair.socket, { fd: file.fd, start: 1000, length: SIZE - 2000 }, never);
    await sender.send(pair.socket, { fd: file.fd, start: 0, length: 0 }, never);
    pair.socket.end('tail');
    expect(
      Buffer.compare(
        await received,
        Buffer.concat([Buffer.from('head'), content.subarray(1000, SIZE - 1000), Buffer.from('tail')]),
      ),
    ).toBe(0);
  });

  test('waits for a receiver that does not read, and goes on when it does', async () => {
    await using pair = await connectedPair();
    pair.receiver.pause();
    let done = false;
    const sent = sender.send(pair.socket, { fd: file.fd, start: 0, length: SIZE }, never).then(() => (done = true));
    await once(pair.receiver, 'readable');
    expect(done).toBe(false);
    const received = buffer(pair.receiver);
    await sent;
    pair.socket.end();
    expect((await received).equals(content)).toBe(true);
  });

  test('a receiver that goes away ends it', async () => {
    await using pair = await connectedPair();
    pair.receiver.pause();
    const sent = sender.send(pair.socket, { fd: file.fd, start: 0, length: SIZE }, never);
    await once(pair.receiver, 'readable');
    pair.receiver.resetAndDestroy();
    await expect(sent).rejects.toThrow();
    expect(pair.socket.destroyed).toBe(true);
  });

  test('a signal ends it', async () => {
    await using pair = await connectedPair();
    pair.receiver.pause();
    const stop = new AbortController();
    const sent = sender.send(pair.socket, { fd: file.fd, start: 0, length: SIZE }, stop.signal);
    await once(pair.receiver, 'readable');
    stop.abort(new Error('enough'));
    await expect(sent).rejects.toThrow();
    expect(pair.socket.destroyed).toBe(true);
  });

  test('destroying the socket ends it and closes the connection', async () => {
    await using pair = await connectedPair();
    pair.receiver.pause();
    const sent = sender.send(pair.socket, { fd: file.fd, start: 0, length: SIZE }, never);
    await once(pair.receiver, 'readable');
    pair.socket.destroy();
    await expect(sent).rejects.toThrow();
    pair.receiver.resume();
    await once(pair.receiver, 'close');
  });

  test('a file that ends early is an error, never a transfer that looks whole', async () => {
    await using pair = await connectedPair();
    const path = join(folder, `short-${sender.engine}`);
    await writeFile(path, content);
    await using short = await open(path);
    await truncate(path, 5000);
    pair.receiver.resume();
    const sent = sender.send(pair.socket, { fd: short.fd, start: 0, length: SIZE }, never);
    await expect(sent).rejects.toThrow(FileShortError);
    expect(pair.socket.destroyed).toBe(true);
  });
});
