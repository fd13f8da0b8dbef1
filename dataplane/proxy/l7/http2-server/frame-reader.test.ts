import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { data, FLAG, frame, PREFACE, TYPE } from '../test/h2-wire.ts';
import { FrameReader, type FrameHandler } from './frame-reader.ts';

/** What a reader told of, pieces of the same DATA joined; the last entry is the error when there was one. */
function read(chunks: readonly Buffer[]): string[] {
  const told: string[] = [];
  let body = '';
  const handler: FrameHandler = {
    frameBegan: (type, flags, streamId, sizeBytes) => void told.push(`began ${type} ${flags} ${streamId} ${sizeBytes}`),
    frame: (type, flags, streamId, bytes, from, to) =>
      void told.push(`${type} ${flags} ${streamId} ${bytes.toString('hex', from, to)}`),
    dataPiece: (bytes, from, to) => {
      body += bytes.toString('hex', from, to);
    },
    dataEnded: () => {
      told.push(`data ${body}`);
      body = '';
    },
  };
  const reader = new FrameReader(handler);
  try {
    for (const chunk of chunks) reader.push(chunk);
  } catch (error) {
    return [...told, String(error)];
  }
  // What has come of DATA that is not whole is the same too.
  return [...told, body, String(reader.isPartial)];
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = places.map((place) => Math.floor(place * bytes.length)).sort((a, b) => a - b);
  return [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length));
}

const anyFrame = fc
  .record({
    type: fc.constantFrom(...Object.values(TYPE), 5, 0x10, 0xff),
    flags: fc.nat(255),
    streamId: fc.nat(0x7fffffff),
    payload: fc.uint8Array({ maxLength: 40 }),
  })
  .map(({ type, flags, streamId, payload }) => frame(type, flags, streamId, payload));
const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 });

describe('frames', () => {
  it('PX-25 are the same however the bytes are cut, and so are errors', () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { maxLength: 8 }),
        places,
        fc.uint8Array({ maxLength: 12 }),
        (frames, at, rest) => {
          const bytes = Buffer.concat([PREFACE, ...frames, rest]);
          const whole = read([bytes]);
          expect(read(cut(bytes, at))).toEqual(whole);
          expect(read([...bytes].map((byte) => Buffer.from([byte])))).toEqual(whole);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('DATA goes on without its padding', () => {
    const padded = frame(TYPE.data, FLAG.padded | FLAG.endStream, 3, Buffer.from([2, 0x61, 0x62, 0, 0]));
    expect(read([Buffer.concat([PREFACE, padded, data(5, '')])])).toEqual([
      'began 0 9 3 5',
      'data 6162',
      'began 0 0 5 0',
      'data ',
      '',
      'false',
    ]);
  });

  it.each([
    ['DATA with padding and no room for its length', frame(TYPE.data, FLAG.padded, 1)],
    ['more padding than DATA', frame(TYPE.data, FLAG.padded, 1, Buffer.from([1]))],
    ['a frame of 16 KiB and a byte', Buffer.from([0, 0x40, 1, 0, 0, 0, 0, 0, 1])],
    ['a frame of 16 MiB', Buffer.from([0xff, 0xff, 0xff, 0x70, 0, 0, 0, 0, 0])],
  ])('PX-25 %s is an error before more of it comes', (_name, bytes) => {
    expect(read([PREFACE, bytes]).at(-1)).toMatch(/^Error: /);
  });

  it('PX-25 bytes that are no preface are an error at the first that differs', () => {
    expect(read([Buffer.from('PRI * HTTP/1')])).toEqual(['Error: no connection preface']);
    expect(read([Buffer.from('PRI * HTTP/2')])).toEqual(['', 'true']);
  });

  it('a handler that stops the reader hears no more, not even of what came along', () => {
    const seen: number[] = [];
    const reader = new FrameReader({
      frameBegan: () => undefined,
      frame: (_type, _flags, streamId) => {
        seen.push(streamId);
        reader.stop();
      },
      dataPiece: () => undefined,
      dataEnded: () => undefined,
    });
    reader.push(Buffer.concat([PREFACE, frame(TYPE.headers, 0, 1), frame(TYPE.headers, 0, 3)]));
    expect(seen).toEqual([1]);
  });
});
