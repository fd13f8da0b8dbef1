import { constants } from 'node:http2';
import { describe, expect, it } from 'vitest';
import { HOLD, setUpAttacked, streamId } from './attacked.ts';
import { data, FLAG, frame, get, post, rst, TYPE, uint32, windowUpdate } from './h2-wire.ts';

const { NGHTTP2_FLOW_CONTROL_ERROR, NGHTTP2_PROTOCOL_ERROR, NGHTTP2_STREAM_CLOSED } = constants;
const attacked = setUpAttacked();

describe('requests that come to nothing', () => {
  it('rapid reset (CVE-2023-44487): resets by the client are budgeted', async () => {
    using client = await attacked.open();
    await client.flood(5_000, (i) => Buffer.concat([get(streamId(i), HOLD), rst(streamId(i))]));
    await attacked.expectCut(client);
    expect(attacked.asked).toBeLessThan(600);
  });

  it('rapid reset with code NO_ERROR counts the same', async () => {
    using client = await attacked.open();
    await client.flood(5_000, (i) => Buffer.concat([get(streamId(i), HOLD), rst(streamId(i), 0)]));
    await attacked.expectCut(client);
  });

  it('rapid reset in one piece, more than a session holds, ends it too', async () => {
    using client = await attacked.open();
    const all = Array.from({ length: 20_000 }, (_, i) => Buffer.concat([get(streamId(i), HOLD), rst(streamId(i))]));
    client.send(Buffer.concat(all));
    await client.closed;
    await attacked.refused(1);
    expect(attacked.reasons).toEqual(['limit_streams']);
    expect(attacked.asked).toBeLessThan(600);
  });

  it('server-caused resets (MadeYouReset, CVE-2025-8671): bodies unlike their content-length are budgeted', async () => {
    using client = await attacked.open();
    await client.flood(
      5_000,
      (i) =>
        Buffer.concat([
          post(streamId(i), [['content-length', '5'], ...HOLD]),
          data(streamId(i), 'abc', FLAG.endStream),
        ]),
      (i) => client.reset(streamId(i)),
    );
    await attacked.expectCut(client);
    expect(await client.reset(1)).toBe(NGHTTP2_PROTOCOL_ERROR);
  });

  it('server-caused resets: second heads that end nothing are budgeted', async () => {
    using client = await attacked.open();
    await client.flood(
      5_000,
      (i) => Buffer.concat([post(streamId(i), HOLD), post(streamId(i), HOLD)]),
      (i) => client.reset(streamId(i)),
    );
    await attacked.expectCut(client);
  });

  it('server-caused resets: a window that overflows is budgeted', async () => {
    using client = await attacked.open();
    await client.flood(
      5_000,
      (i) => Buffer.concat([get(streamId(i), HOLD), windowUpdate(streamId(i), 0x7fffffff)]),
      (i) => client.reset(streamId(i)),
    );
    await attacked.expectCut(client);
    expect(await client.reset(1)).toBe(NGHTTP2_FLOW_CONTROL_ERROR);
  });

  it('heads that are refused before they are requests are budgeted', async () => {
    using client = await attacked.open();
    await client.flood(
      450,
      (i) => get(streamId(i), [['Upper-Case', '1']]),
      (i) => client.reset(streamId(i)),
    );
    expect(await client.reset(1)).toBe(NGHTTP2_PROTOCOL_ERROR);
    await attacked.expectCut(client);
    expect(attacked.asked).toBe(0);
  });

  it('a client that cancels half of what it asks for is served on', async () => {
    using client = await attacked.open();
    for (let i = 0; i < 1_200; i += 60) {
      const ids = Array.from({ length: 60 }, (_, j) => streamId(i + j));
      client.send(...ids.flatMap((id, j) => (j % 2 === 0 ? [get(id)] : [get(id, HOLD), rst(id)])));
      await Promise.all(ids.map((id, j) => (j % 2 === 0 ? client.status(id) : null)));
    }
    expect(attacked.reasons).toEqual([]);
  });
});

describe('MadeYouReset by frames that break a rule of the connection', () => {
  it.each<[string, number, (id: number) => Buffer[]]>([
    ['WINDOW_UPDATE of 0', 0, (id) => [windowUpdate(id, 0)]],
    ['DATA after END_STREAM', NGHTTP2_STREAM_CLOSED, (id) => [data(id, 'x')]],
    ['PRIORITY of a wrong length', 0, (id) => [frame(TYPE.priority, 0, id, uint32(0))]],
  ])('%s ends the connection at the first stream', async (_name, code, frames) => {
    using client = await attacked.open();
    client.send(...Array.from({ length: 100 }, (_, i) => [get(streamId(i), HOLD), ...frames(streamId(i))]).flat());
    if (code !== 0) expect(await client.goaway()).toBe(code);
    await client.closed;
    await attacked.refused(1);
    expect(attacked.reasons).toEqual(['request_invalid']);
    expect(attacked.asked).toBeLessThan(2);
  });
});
