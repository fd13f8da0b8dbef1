import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIp } from '../../net/address.ts';
import { parseHostname } from '../../net/hostname.ts';
import { encodeProxyV2 } from './encode.ts';
import { readProxyHeader } from './header.ts';
import { tlv, tcp4, text, endpoints, v2Options, expectPrefixesIncomplete } from './test/build-header.ts';

describe('PX-6 encodeProxyV2', () => {
  const source = { ip: parseIp('192.0.2.1')!, port: 56324 };
  const destination = { ip: parseIp('198.51.100.1')!, port: 443 };

  it('writes the bytes of the specification', () => {
    expect(Buffer.from(encodeProxyV2({ source, destination }))).toEqual(tcp4());
  });

  it('sends the name as an authority TLV', () => {
    const bytes = encodeProxyV2({ source, destination, authority: parseHostname('a.test')! });
    expect(Buffer.from(bytes)).toEqual(tcp4(tlv(2, text('a.test'))));
  });

  it('writes mixed families as IPv6', () => {
    const bytes = encodeProxyV2({ source, destination: { ip: parseIp('2001:db8::1')!, port: 443 } });
    expect(Buffer.from(bytes.subarray(13, 32)).toString('hex')).toBe('21002400000000000000000000ffffc0000201');
    expect(endpoints(readProxyHeader(bytes))).toEqual(['192.0.2.1:56324', '[2001:db8::1]:443']);
  });

  it('throws on a unique id that is too long', () => {
    expect(() => encodeProxyV2({ source, destination, uniqueId: new Uint8Array(129) })).toThrow(RangeError);
  });

  it('is read back as it was written, and every prefix is incomplete', () => {
    fc.assert(
      fc.property(v2Options, (options) => {
        const bytes = encodeProxyV2(options);
        const { crc: _crc, ...expected } = options;
        const fields = { kind: 'header', version: 2, command: 'PROXY', length: bytes.length };
        expect(readProxyHeader(bytes)).toEqual({ ...expected, ...fields });
        expectPrefixesIncomplete(bytes);
      }),
    );
  });

  it('notices any changed byte when there is a checksum', () => {
    const flip = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(v2Options, flip, (options, [position, mask]) => {
        const bytes = encodeProxyV2({ ...options, crc: true });
        // Not the fixed part nor what makes the checksum's own TLV: without those there's nothing to check.
        const at = 16 + (position % (bytes.length - 16));
        fc.pre(at < bytes.length - 7 || at >= bytes.length - 4);
        bytes[at] = bytes[at]! ^ mask;
        expect(readProxyHeader(bytes).kind).toBe('invalid');
      }),
    );
  });
});
