import { constants } from 'node:http2';
import { describe, expect, it } from 'vitest';
import { HOLD, setUpAttacked, streamId } from './attacked.ts';
import { data, FLAG, frame, get, hpack, post, requestFields, setting, TYPE, windowUpdate } from './h2-wire.ts';

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_FLOW_CONTROL_ERROR, NGHTTP2_PROTOCOL_ERROR } = constants;
const attacked = setUpAttacked();

describe('floods of frames', () => {
  it.each([
    ['PING', TYPE.ping, Buffer.alloc(8)],
    ['SETTINGS', TYPE.settings, setting(4, 65_535)],
  ])('%s flood', async (_name, type, payload) => {
    using client = await attacked.open();
    client.send(post(1, HOLD));
    const answers = (): number => client.frames.filter((one) => one.type === type && one.flags === FLAG.ack).length;
    await client.flood(
      20_000,
      () => frame(type, 0, 0, payload),
      (index) => client.frame(() => answers() > index),
    );
    await attacked.expectCut(client);
  });

  it.each([
    ['PRIORITY', TYPE.priority, 1],
    ['PRIORITY of streams that are not there', TYPE.priority, 999],
    ['unknown', 0x70, 0],
  ])('%s frames by the thousand', async (_name, type, id) => {
    using client = await attacked.open();
    client.send(get(1));
    await client.flood(20_000, () => frame(type, 0, id, Buffer.from([0, 0, 0, 0, 9])));
    expect(await client.goaway()).toBe(NGHTTP2_ENHANCE_YOUR_CALM);
    await client.closed;
    await attacked.refused(1);
    expect(attacked.reasons).toEqual(['limit_streams']);
  });

  it('PING flood in one piece by a client that reads no answers', async () => {
    using client = await attacked.open();
    client.socket.pause();
    client.send(Buffer.concat(Array.from({ length: 200_000 }, () => frame(TYPE.ping, 0, 0, Buffer.alloc(8)))));
    await attacked.refused(1);
    expect(attacked.reasons).toEqual(['limit_streams']);
    client.socket.resume();
    await client.closed;
  });

  it('empty-frame flood: DATA without data and without an end', async () => {
    using client = await attacked.open();
    client.send(post(1, HOLD));
    client.send(...Array.from({ length: 2_010 }, () => data(1, '')));
    await attacked.expectCut(client);
  });

  it('PINGs of a client that is being sent data are no flood', async () => {
    using client = await attacked.open();
    for (let i = 0; i < 1_500; i++) {
      client.send(get(streamId(i)), frame(TYPE.ping, 0, 0, Buffer.alloc(8)));
      await client.status(streamId(i));
    }
    expect(attacked.reasons).toEqual([]);
  });
});

describe('heads without end', () => {
  const start = (id: number): Buffer => frame(TYPE.headers, FLAG.endStream, id, hpack(requestFields('GET')));

  it.each([
    ['full', hpack([['x', 'a'.repeat(1_000)]])],
    ['empty', Buffer.alloc(0)],
  ])('CONTINUATION flood (CVE-2024-27983), %s frames', async (_name, payload) => {
    using client = await attacked.open();
    client.send(start(1));
    client.send(...Array.from({ length: 10 }, () => frame(TYPE.continuation, 0, 1, payload)));
    await client.goaway();
    await client.closed;
    await attacked.refused(1);
    expect(attacked.reasons).toEqual(['limit_streams']);
    expect(attacked.asked).toBe(0);
  });

  it('a head within the frames but too large is refused, and the connection serves on', async () => {
    using client = await attacked.open();
    const part = hpack([['x', 'a'.repeat(15_000)]]);
    const more = Array.from({ length: 7 }, (_, i) => frame(TYPE.continuation, i === 6 ? FLAG.endHeaders : 0, 1, part));
    client.send(start(1), ...more, get(3));
    expect(await client.reset(1)).toBe(NGHTTP2_ENHANCE_YOUR_CALM);
    expect(await client.status(3)).toBe(200);
  });

  it('a head that is not completed in header_timeout ends the connection', async () => {
    using client = await attacked.open();
    client.send(start(1));
    await client.goaway();
    await client.closed;
    expect(attacked.reasons).toEqual(['request_timeout']);
  });

  it('the same behind a request that was served', async () => {
    using client = await attacked.open();
    client.send(get(1));
    expect(await client.status(1)).toBe(200);
    client.send(start(3));
    await client.closed;
    expect(attacked.reasons).toEqual(['request_timeout']);
  });

  /** One field of 4000 bytes goes into the dynamic table, and each byte after it is that field again. */
  const bomb = (id: number, times: number, name = 'x'): Buffer => {
    const value = Buffer.alloc(3_900, 0x61);
    const stored = Buffer.concat([
      Buffer.from([0x40, name.length]),
      Buffer.from(name),
      Buffer.from([0x7f, 0xbd, 0x1d]),
    ]);
    const block = Buffer.concat([hpack(requestFields('GET')), stored, value, Buffer.alloc(times, 0xbe)]);
    return frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, id, block);
  };

  it.each(['x', 'cookie'])(
    'HPACK bomb (CVE-2016-6581) of %s fields is a stream error, never a request',
    async (name) => {
      using client = await attacked.open();
      client.send(bomb(1, 10_000, name), get(3));
      expect(await client.reset(1)).toBe(NGHTTP2_ENHANCE_YOUR_CALM);
      expect(await client.status(3)).toBe(200);
      expect(attacked.asked).toBe(1);
    },
  );

  it('small fields by the thousand (CVE-2026-49975), cookie crumbs among them, are a stream error', async () => {
    using client = await attacked.open();
    const crumbs = Buffer.concat([hpack(requestFields('GET')), Buffer.from([0x40, 6]), Buffer.from('cookie\x01a')]);
    const block = Buffer.concat([crumbs, Buffer.alloc(10_000, 0xbe)]);
    client.send(frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 1, block));
    expect(await client.reset(1)).toBe(NGHTTP2_ENHANCE_YOUR_CALM);
  });

  it('HPACK bombs one after the other use up the budget', async () => {
    using client = await attacked.open();
    await client.flood(
      5_000,
      (i) => bomb(streamId(i), 2_000),
      (i) => client.reset(streamId(i)),
    );
    await attacked.expectCut(client);
    expect(attacked.asked).toBe(0);
  });
});

describe('flow control', () => {
  it('WINDOW_UPDATE overflow of stream 0 (CVE-2026-21714) ends the connection with GOAWAY and leaves nothing behind', async () => {
    using client = await attacked.open();
    client.send(get(1, HOLD), windowUpdate(0, 0x7fffffff));
    expect(await client.goaway()).toBe(NGHTTP2_FLOW_CONTROL_ERROR);
    await client.closed;
    await attacked.refused(1);
    expect(attacked.reasons).toEqual(['request_invalid']);
  });

  it('SETTINGS_INITIAL_WINDOW_SIZE that overflows a stream ends the connection with GOAWAY', async () => {
    using client = await attacked.open();
    client.send(get(1, HOLD), windowUpdate(1, 0x7fff0000), frame(TYPE.settings, 0, 0, setting(4, 0x7fffffff)));
    expect(await client.goaway()).toBe(NGHTTP2_FLOW_CONTROL_ERROR);
    await client.closed;
  });

  it('zero-window stalls are cut after body_timeout with memory bounded', async () => {
    using client = await attacked.open(setting(4, 0));
    const big = requestFields('GET').map(([name, value]) => [name, name === ':path' ? '/big' : value] as const);
    const ids = Array.from({ length: 100 }, (_, i) => streamId(i));
    client.send(...ids.map((id) => frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, id, hpack(big))));
    await Promise.all(ids.map((id) => client.reset(id)));
    expect(new Set(attacked.reasons)).toEqual(new Set(['request_timeout']));
    expect(client.frames.filter((one) => one.type === TYPE.data)).toEqual([]);
  });

  it('a zero-window stall of a small response is cut too', async () => {
    using client = await attacked.open(setting(4, 0));
    client.send(get(1));
    expect(await client.status(1)).toBe(200);
    await client.reset(1);
    expect(attacked.reasons).toEqual(['request_timeout']);
  });
});

it('more streams at once than max_streams end the connection with GOAWAY', async () => {
  using client = await attacked.open();
  client.send(...Array.from({ length: 200 }, (_, i) => get(streamId(i), HOLD)));
  expect(await client.goaway()).toBe(NGHTTP2_PROTOCOL_ERROR);
  await client.closed;
  expect(attacked.asked).toBeLessThanOrEqual(128);
});

it('bytes that are no HTTP/2 end the connection with GOAWAY', async () => {
  using client = await attacked.open();
  client.send(Buffer.alloc(1_000, 0x41));
  await client.goaway();
  await client.closed;
  await attacked.refused(1);
  expect(attacked.reasons).toEqual(['request_invalid']);
});
