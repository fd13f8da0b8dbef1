import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader, latin1, matchPrefix } from './byte-reader.ts';

describe('ByteReader', () => {
  it('reads big-endian fields in order', () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3, 0xff, 0xfe, 0xfd, 0xff, 0xff, 0xff, 0xff, 9, 8));
    expect([reader.u8(), reader.u16(), reader.u24(), reader.u32()]).toEqual([1, 0x0203, 0xfffefd, 0xffffffff]);
    expect(reader.remaining).toBe(2);
    expect(reader.take(2)).toEqual(Uint8Array.of(9, 8));
    expect(reader.done).toBe(true);
  });

  it('takes views, not copies', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const view = new ByteReader(bytes, 1).take(2);
    bytes[1] = 7;
    expect(view).toEqual(Uint8Array.of(7, 3));
  });

  it('answers zero and stays failed after a read past the end', () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3));
    expect(reader.u32()).toBe(0);
    expect([reader.failed, reader.done, reader.remaining]).toEqual([true, false, 0]);
    expect([reader.u8(), reader.u16(), reader.take(1).length, reader.sub(0).failed]).toEqual([0, 0, 0, true]);
  });

  it('never reads beyond its own end, even where the array goes on', () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3, 4, 5, 6), 1, 3);
    expect(reader.u24()).toBe(0);
    expect(reader.failed).toBe(true);
    const sub = new ByteReader(Uint8Array.of(1, 2, 3, 4)).sub(1);
    expect([sub.u16(), sub.failed]).toEqual([0, true]);
  });

  it('keeps the parent whole when a sub-reader fails', () => {
    const parent = new ByteReader(Uint8Array.of(1, 2, 3));
    const child = parent.sub(2);
    child.u32();
    expect([child.failed, parent.failed, parent.u8(), parent.done]).toEqual([true, false, 3, true]);
  });

  it('cuts a range outside of the array to it', () => {
    expect(new ByteReader(Uint8Array.of(1, 2), 5, 9).remaining).toBe(0);
    expect(new ByteReader(Uint8Array.of(1, 2), 1, 9).remaining).toBe(1);
  });

  it('agrees with Buffer on any bytes and any sequence of reads', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 20 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), sizes, (bytes, reads) => {
        const reader = new ByteReader(bytes);
        const model = Buffer.from(bytes);
        let at = 0;
        for (const size of reads) {
          const value = [reader.u8, reader.u16, reader.u24, reader.u32][size - 1]!.call(reader);
          if (at + size > model.length) {
            expect([value, reader.failed, reader.remaining]).toEqual([0, true, 0]);
            return;
          }
          expect(value).toBe(model.readUIntBE(at, size));
          at += size;
          expect(reader.offset).toBe(at);
        }
      }),
    );
  });
});

describe('matchPrefix', () => {
  it('tells no, partial and full', () => {
    const pattern = Buffer.from('PROXY');
    expect(matchPrefix(Buffer.from('PROXY TCP4'), pattern)).toBe('full');
    expect(matchPrefix(Buffer.from('PRO'), pattern)).toBe('partial');
    expect(matchPrefix(new Uint8Array(0), pattern)).toBe('partial');
    expect(matchPrefix(Buffer.from('PRI * '), pattern)).toBe('no');
  });
});

describe('latin1', () => {
  it('keeps each byte as one character, within the view only', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect([...latin1(bytes)].map((c) => c.charCodeAt(0))).toEqual([...bytes]);
    expect(latin1(bytes.subarray(65, 68))).toBe('ABC');
  });
});
