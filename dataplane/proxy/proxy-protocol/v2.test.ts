import { describe, expect, it } from 'vitest';
import { crc32c } from './crc32c.ts';
import { readProxyHeader } from './header.ts';
import type { ProxyHeaderFault } from './header.ts';
import {
  TLS_BYTES,
  TCP4_BLOCK,
  v2,
  tlv,
  tcp4,
  checksummed,
  text,
  header,
  endpoints,
  invalid,
} from './test/build-header.ts';

describe('PX-6 version 2', () => {
  it('reads TCP4 and TCP6', () => {
    const four = readProxyHeader(Buffer.concat([tcp4(), TLS_BYTES]));
    expect(endpoints(four)).toEqual(['192.0.2.1:56324', '198.51.100.1:443']);
    expect(four).toMatchObject({ version: 2, command: 'PROXY', length: 28 });
    const block = Buffer.alloc(36);
    block[15] = 1;
    block[31] = 2;
    block.writeUInt16BE(65535, 32);
    expect(endpoints(readProxyHeader(v2(0x21, 0x21, block)))).toEqual(['[::1]:65535', '[::2]:0']);
  });

  it.each<[string, Buffer]>([
    ['without addresses', v2(0x20, 0x00, new Uint8Array(0))],
    ['TCP4 without addresses', v2(0x20, 0x11, new Uint8Array(0))],
    ['with addresses', v2(0x20, 0x11, TCP4_BLOCK)],
    ['with an unknown family', v2(0x20, 0xff, Uint8Array.of(1, 2, 3))],
    ['with bytes that are no TLVs', v2(0x20, 0x00, Buffer.alloc(40, 0xff))],
  ])('discards the block of LOCAL %s', (_name, bytes) => {
    const expected = { kind: 'header', version: 2, command: 'LOCAL', source: null, destination: null };
    expect(readProxyHeader(bytes)).toEqual({ ...expected, length: bytes.length });
  });

  it.each<[string, number, number]>([
    ['UNSPEC', 0x00, 0],
    ['UDP over IPv4', 0x12, 12],
    ['UDP over IPv6', 0x22, 36],
    ['UNIX stream', 0x31, 216],
    ['UNIX datagram', 0x32, 216],
  ])('uses the connection for %s, and still reads the TLVs', (_name, family, size) => {
    const body = Buffer.concat([new Uint8Array(size), tlv(2, text('a.test'))]);
    const result = readProxyHeader(v2(0x21, family, body));
    expect(result).toMatchObject({ command: 'PROXY', source: null, destination: null, authority: 'a.test' });
    if (size > 0) {
      expect(readProxyHeader(v2(0x21, family, new Uint8Array(size - 1)))).toEqual(invalid('v2-address-length'));
    }
  });

  it('reads authority and unique id, steps over the rest, checks the checksum wherever it stands', () => {
    const tlvs = [
      tlv(4, new Uint8Array(5)),
      tlv(0x20, new Uint8Array(9)),
      tlv(2, text('a.test')),
      tlv(0xe0, text('x')),
    ];
    const bytes = checksummed(tcp4(...tlvs, tlv(5, Uint8Array.of(1, 2, 3)), tlv(3, new Uint8Array(4))));
    const result = header(readProxyHeader(bytes));
    expect(result).toMatchObject({ authority: 'a.test', uniqueId: Uint8Array.of(1, 2, 3), length: bytes.length });
    const first = tcp4(tlv(3, new Uint8Array(4)), tlv(4, new Uint8Array(2)));
    first.writeUInt32BE(crc32c(first), 31);
    expect(readProxyHeader(first).kind).toBe('header');
    bytes.fill(0);
    expect(result.uniqueId).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('takes an empty unique id, one of 128 bytes and a declared length of 4096', () => {
    expect(header(readProxyHeader(tcp4(tlv(5, new Uint8Array(0))))).uniqueId).toEqual(new Uint8Array(0));
    expect(header(readProxyHeader(tcp4(tlv(5, new Uint8Array(128))))).uniqueId).toHaveLength(128);
    expect(readProxyHeader(tcp4(tlv(4, new Uint8Array(4096 - 15)))).kind).toBe('header');
  });

  const checksum = checksummed(tcp4(tlv(3, new Uint8Array(4))));
  const wrongChecksum = Buffer.from(checksum);
  wrongChecksum[16]! ^= 1;

  it.each<[string, Buffer, ProxyHeaderFault]>([
    ['version 1 in the binary form', v2(0x11, 0x11, TCP4_BLOCK), 'v2-version'],
    ['version 3', v2(0x31, 0x11, TCP4_BLOCK), 'v2-version'],
    ['another command', v2(0x22, 0x11, TCP4_BLOCK), 'v2-command'],
    ['an unknown family', v2(0x21, 0x41, TCP4_BLOCK), 'v2-family'],
    ['an unknown transport', v2(0x21, 0x13, TCP4_BLOCK), 'v2-family'],
    ['IPv4 without a transport', v2(0x21, 0x10, TCP4_BLOCK), 'v2-family'],
    ['a transport without a family', v2(0x21, 0x01, TCP4_BLOCK), 'v2-family'],
    ['a length of nothing', v2(0x21, 0x11, new Uint8Array(0)), 'v2-address-length'],
    ['TCP4 of 11', v2(0x21, 0x11, TCP4_BLOCK, 11), 'v2-address-length'],
    ['TCP6 with the addresses of TCP4', v2(0x21, 0x21, TCP4_BLOCK), 'v2-address-length'],
    ['a length over 4096', v2(0x21, 0x11, TCP4_BLOCK, 4097), 'v2-too-long'],
    ['the largest length with LOCAL', v2(0x20, 0x00, TCP4_BLOCK, 65535), 'v2-too-long'],
    ['a TLV past the end', tcp4(tlv(2, text('a.test'), 7)), 'v2-tlv-length'],
    ['an unknown TLV past the end', tcp4(tlv(0xe0, new Uint8Array(0), 65535)), 'v2-tlv-length'],
    ['a TLV past the end, with payload there', Buffer.concat([tcp4(tlv(2, text('a'), 3)), TLS_BYTES]), 'v2-tlv-length'],
    ['one byte of a TLV', tcp4(Uint8Array.of(4)), 'v2-tlv-length'],
    ['two bytes of a TLV', tcp4(Uint8Array.of(4, 0)), 'v2-tlv-length'],
    ['a wrong checksum', wrongChecksum, 'v2-checksum'],
    ['a checksum of 3', tcp4(tlv(3, new Uint8Array(3))), 'v2-checksum'],
    ['a checksum of 5', tcp4(tlv(3, new Uint8Array(5))), 'v2-checksum'],
    ['two authorities', tcp4(tlv(2, text('a.test')), tlv(2, text('a.test'))), 'v2-tlv-twice'],
    ['two unique ids', tcp4(tlv(5, text('a')), tlv(5, text('a'))), 'v2-tlv-twice'],
    ['a unique id of 129', tcp4(tlv(5, new Uint8Array(129))), 'v2-unique-id'],
    ['an empty authority', tcp4(tlv(2, new Uint8Array(0))), 'v2-authority'],
    ['an authority of 256', tcp4(tlv(2, Buffer.alloc(256, 97))), 'v2-authority'],
    ['an authority that is no UTF-8', tcp4(tlv(2, Uint8Array.of(0xff, 0xfe))), 'v2-authority'],
    ['an authority with a line end', tcp4(tlv(2, text('a.test\n'))), 'v2-authority'],
  ])('refuses %s', (_name, bytes, detail) => {
    expect(readProxyHeader(bytes)).toEqual(invalid(detail));
  });

  it('refuses a second checksum after a right one', () => {
    const twice = tcp4(tlv(3, new Uint8Array(4)), tlv(3, new Uint8Array(4)));
    twice.writeUInt32BE(crc32c(twice), 31);
    expect(readProxyHeader(twice)).toEqual(invalid('v2-tlv-twice'));
  });

  it('refuses as soon as the fixed part says so', () => {
    const bytes = v2(0x21, 0x11, TCP4_BLOCK, 4097);
    expect(readProxyHeader(bytes.subarray(0, 16))).toEqual(invalid('v2-too-long'));
    expect(readProxyHeader(v2(0x31, 0, new Uint8Array(0)).subarray(0, 13))).toEqual(invalid('v2-version'));
  });
});
