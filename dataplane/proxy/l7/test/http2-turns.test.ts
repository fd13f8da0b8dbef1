import { createServer, type ServerResponse } from 'node:http';
import { constants } from 'node:http2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { data, FLAG, frame, get, openWire, post, rst, TYPE, windowUpdate } from './h2-wire.ts';
import { createRig, listenOn, type Rig } from './harness.ts';

/** When frames are sent: responses by turns, WINDOW_UPDATE, GOAWAY. */

const BIG_BYTES = 1_000_000;
const MAX_STREAM_ID = 0x7fffffff;

let rig: Rig;
let backend: Awaited<ReturnType<typeof listenOn>>;
let held: ServerResponse[] = [];
let isHeld: () => void = () => undefined;

beforeEach(async () => {
  rig = await createRig();
  held = [];
  const server = createServer((request, response) => {
    if (request.headers['x-hold'] !== undefined) {
      held.push(response);
      isHeld();
    } else if (request.headers['x-big'] !== undefined) response.end(Buffer.alloc(BIG_BYTES, 'x'));
    else request.resume().on('end', () => response.end('hello'));
  });
  backend = await listenOn(server);
  await rig.addRoute('app.test', backend.address);
});

afterEach(async () => {
  await using _rig = rig;
  await using _backend = backend;
  expect(rig.failures).toEqual([]);
  expect(rig.refusals).toEqual([]);
});

function nextHeld(): Promise<void> {
  return new Promise((resolve) => (isHeld = resolve));
}

describe('responses', () => {
  it('streams with much to send take turns', async () => {
    using client = await openWire(rig);
    const ids = [1, 3, 5];
    // The connection has room for the heads only until all of them have something to send.
    client.send(...ids.map((id) => get(id, [['x-big', '1']])), ...ids.map((id) => windowUpdate(id, BIG_BYTES)));
    await Promise.all(ids.map((id) => client.frame((one) => one.type === TYPE.headers && one.streamId === id)));
    const before = client.frames.length;
    client.send(windowUpdate(0, 3 * BIG_BYTES));
    const ends = ids.map((id) => client.frame((one) => one.streamId === id && (one.flags & FLAG.endStream) !== 0));
    await Promise.all(ends);
    const order = client.frames
      .slice(before)
      .filter((one) => one.type === TYPE.data)
      .map((one) => one.streamId);
    // Whoever comes last has had his first piece long before the first is through.
    for (const id of ids) expect(order.indexOf(id)).toBeLessThan(order.lastIndexOf(1) / 2);
    for (const id of ids) {
      const pieces = client.frames.filter((one) => one.type === TYPE.data && one.streamId === id);
      expect(pieces.reduce((sum, one) => sum + one.payload.length, 0)).toBe(BIG_BYTES);
      expect(Math.max(...pieces.map((one) => one.payload.length))).toBeLessThanOrEqual(16_384);
    }
  });

  it('a small one comes whole at once, its end with its data', async () => {
    using client = await openWire(rig);
    const pieces: Buffer[] = [];
    client.socket.on('data', (chunk: Buffer) => pieces.push(chunk));
    client.send(get(1));
    const last = await client.frame((one) => one.streamId === 1 && (one.flags & FLAG.endStream) !== 0);
    expect([last.type, last.payload.toString()]).toEqual([TYPE.data, 'hello']);
    expect(pieces.filter((piece) => piece.includes('hello')).every((piece) => piece[3] !== TYPE.data)).toBe(true);
  });

  it('a stream reset while it waits for the connection’s window leaves the others theirs', async () => {
    using client = await openWire(rig);
    client.send(get(1, [['x-big', '1']]), windowUpdate(1, BIG_BYTES));
    await client.frame((one) => one.type === TYPE.data && one.streamId === 1);
    client.send(get(3, [['x-big', '1']]), windowUpdate(3, BIG_BYTES));
    await client.frame((one) => one.type === TYPE.headers && one.streamId === 3);
    client.send(rst(1), windowUpdate(0, BIG_BYTES));
    await client.frame((one) => one.streamId === 3 && (one.flags & FLAG.endStream) !== 0);
  });
});

it('the windows of a body are given back as it goes on, in large pieces', async () => {
  using client = await openWire(rig);
  client.send(post(1), ...Array.from({ length: 12 }, () => data(1, 'x'.repeat(16_384))));
  const update = await client.frame((one) => one.type === TYPE.windowUpdate && one.streamId === 1);
  expect(update.payload.readUInt32BE()).toBeGreaterThanOrEqual(128 * 1024);
  client.send(data(1, 'y', FLAG.endStream));
  expect(await client.status(1)).toBe(200);
});

describe('PX-20 the end of a connection', () => {
  it('is said twice: nothing is refused before the client knows, and what is under way finishes', async () => {
    using client = await openWire(rig);
    const asked = nextHeld();
    client.send(get(1, [['x-hold', '1']]));
    await asked;
    rig.terminator.drain();
    const first = await client.frame((one) => one.type === TYPE.goaway);
    expect([first.payload.readUInt32BE(0), first.payload.readUInt32BE(4)]).toEqual([
      MAX_STREAM_ID,
      constants.NGHTTP2_NO_ERROR,
    ]);
    const ping = await client.frame((one) => one.type === TYPE.ping && one.flags === 0);
    // Sent before the client has seen it.
    client.send(get(3), frame(TYPE.ping, FLAG.ack, 0, ping.payload), get(5));
    const last = await client.frame((one) => one.type === TYPE.goaway && one !== first);
    expect(last.payload.readUInt32BE(0)).toBe(3);
    expect(await client.status(3)).toBe(200);
    for (const response of held) response.end('late');
    const end = await client.frame((one) => one.streamId === 1 && (one.flags & FLAG.endStream) !== 0);
    expect(end.payload.toString()).toBe('late');
    await client.closed;
    expect(client.frames.some((one) => one.streamId === 5)).toBe(false);
  });

  it('comes also for a client that answers no PING', async () => {
    using client = await openWire(rig);
    client.send(get(1));
    expect(await client.status(1)).toBe(200);
    rig.terminator.drain();
    await client.frame((one) => one.type === TYPE.goaway && one.payload.readUInt32BE(0) === 1);
    await client.closed;
  });
});
