import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { setUpAttacked } from './attacked.ts';
import { data, FLAG, frame, get, hpack, post, requestFields, rst, setting, TYPE, windowUpdate } from './h2-wire.ts';

const attacked = setUpAttacked();

/** A conversation with everything in it that a client sends. */
const FRAMES: readonly Buffer[] = [
  frame(TYPE.settings, 0, 0, Buffer.concat([setting(4, 1_000), setting(1, 0)])),
  get(1),
  post(3, [['content-length', '5']]),
  data(3, 'hel'),
  windowUpdate(0, 1_000),
  data(3, 'lo', FLAG.endStream),
  frame(
    TYPE.headers,
    FLAG.padded | FLAG.priority,
    5,
    Buffer.concat([Buffer.from([1, 0, 0, 0, 3, 15]), Buffer.from([0])]),
  ),
  frame(TYPE.continuation, FLAG.endHeaders, 5, hpack(requestFields('POST'))),
  windowUpdate(5, 1_000),
  frame(TYPE.data, FLAG.padded, 5, Buffer.from([2, 0x61, 0, 0])),
  frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 5, hpack([['x-sum', '1']])),
  frame(TYPE.ping, 0, 0, Buffer.alloc(8)),
  frame(TYPE.priority, 0, 7, Buffer.from([0, 0, 0, 1, 9])),
  get(7),
  rst(7),
  frame(0x10, 0, 0, Buffer.from('unknown')),
  get(9),
];

it('PX-25 conversations with frames lost, doubled, moved and changed end by their rules and harm nobody else', async () => {
  const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
  const edit = fc.record({
    kind: fc.constantFrom('drop', 'double', 'swap', 'change', 'cut'),
    at: place,
    to: place,
    byte: fc.nat(255),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
      const frames = FRAMES.map((one) => Buffer.from(one));
      for (const { kind, at, to, byte } of edits) {
        const i = Math.floor(at * frames.length);
        const one = frames[i] ?? Buffer.alloc(0);
        const j = Math.floor(to * frames.length);
        if (kind === 'drop') frames.splice(i, 1);
        else if (kind === 'double') frames.splice(j, 0, one);
        else if (kind === 'swap') frames.splice(j, 0, ...frames.splice(i, 1));
        else if (kind === 'cut') frames[i] = one.subarray(0, Math.floor(to * one.length));
        else one[Math.floor(to * one.length)] = byte;
      }
      using client = await attacked.open();
      // A cut frame takes the beginning of the next; the last one is filled up, so that no rule waits for bytes.
      client.send(...frames, Buffer.alloc(20_000));
      await client.goaway();
      await client.closed;
    }),
    { numRuns: 80 },
  );
  expect(attacked.reasons).toContain('request_invalid');
  expect(attacked.reasons).not.toContain('internal');
});
