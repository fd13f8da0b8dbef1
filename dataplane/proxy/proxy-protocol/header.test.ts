import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeProxyV2 } from './encode.ts';
import { readProxyHeader } from './header.ts';
import { TLS_BYTES, text, header, v1Line, v2Options, expectPrefixesIncomplete } from './test/build-header.ts';

describe('PX-6 no header', () => {
  it.each([
    ['a TLS hello', TLS_BYTES],
    ['one byte of TLS', TLS_BYTES.subarray(0, 1)],
    ['HTTP', text('GET / HTTP/1.1\r\n')],
    ['PROX and something else', text('PROXIMA')],
    ['lower case', text('proxy TCP4')],
    ['a line end', text('\r\nGET')],
    ['eleven bytes of the signature, then another', text('\r\n\r\n\0\r\nQUIT\r')],
    ['NUL', Uint8Array.of(0)],
  ])('%s → absent', (_name, bytes) => {
    expect(readProxyHeader(bytes)).toEqual({ kind: 'absent' });
  });

  it('waits with nothing', () => {
    expect(readProxyHeader(new Uint8Array(0))).toEqual({ kind: 'incomplete', needBytes: 1 });
  });
});

describe('readProxyHeader on any bytes', () => {
  it('PX-6 reads v1 lines of any addresses, in pieces over time', () => {
    fc.assert(
      fc.property(v1Line, ({ source, destination, bytes }) => {
        expect(header(readProxyHeader(bytes))).toMatchObject({ source, destination, length: bytes.length });
        expectPrefixesIncomplete(bytes);
      }),
    );
  });

  it('never throws, and decides for good: more bytes never change an answer', () => {
    const valid = fc.oneof(
      v1Line.map(({ bytes }) => new Uint8Array(bytes)),
      v2Options.map(encodeProxyV2),
    );
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
    const mutated = fc.tuple(valid, changes, fc.uint8Array({ maxLength: 8 })).map(([bytes, edits, tail]) => {
      const copy = Buffer.concat([bytes, tail]);
      for (const [at, value] of edits) copy[at % copy.length] = value;
      return new Uint8Array(copy);
    });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 64 })), (bytes) => {
        const final = readProxyHeader(bytes);
        for (let length = 0; length < bytes.length; length++) {
          const result = readProxyHeader(bytes.subarray(0, length));
          if (result.kind !== 'incomplete') expect(result).toEqual(final);
          else expect(result.needBytes).toBeGreaterThan(length);
        }
        if (final.kind === 'header') expect(final.length).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 300 },
    );
  });
});
