import { describe, expect, it } from 'vitest';
import { readProxyHeader } from './header.ts';
import type { ProxyHeaderFault } from './header.ts';
import { TLS_BYTES, text, header, endpoints, invalid } from './test/build-header.ts';

describe('PX-6 version 1', () => {
  it('reads TCP4, TCP6 and what follows stays', () => {
    const line = 'PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n';
    const result = readProxyHeader(Buffer.concat([text(line), TLS_BYTES]));
    expect(endpoints(result)).toEqual(['192.0.2.1:56324', '198.51.100.1:443']);
    expect(result).toMatchObject({ version: 1, command: 'PROXY', length: line.length });
    const six = readProxyHeader(text('PROXY TCP6 2001:DB8::1 ::1 0 65535\r\n'));
    expect(endpoints(six)).toEqual(['[2001:db8::1]:0', '[::1]:65535']);
  });

  it('holds mapped addresses as IPv4', () => {
    const result = readProxyHeader(text('PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6401 1 2\r\n'));
    expect(endpoints(result)).toEqual(['192.0.2.1:1', '198.51.100.1:2']);
  });

  it.each(['PROXY UNKNOWN\r\n', 'PROXY UNKNOWN \r\n', 'PROXY UNKNOWN ff::1 gg 1 x \0\xff\r\n'])(
    'uses the connection for %j',
    (line) => {
      const expected = { kind: 'header', version: 1, command: 'PROXY', source: null, destination: null };
      expect(readProxyHeader(text(line))).toEqual({ ...expected, length: line.length });
    },
  );

  it('takes a line of 107 bytes', () => {
    const line = `PROXY UNKNOWN ${'f'.repeat(91)}\r\n`;
    expect(line.length).toBe(107);
    expect(header(readProxyHeader(text(line))).length).toBe(107);
  });

  it.each<[string, string, ProxyHeaderFault]>([
    ['no CRLF in 107 bytes', `PROXY UNKNOWN ${'f'.repeat(93)}`, 'v1-no-crlf'],
    ['CRLF one byte too late', `PROXY UNKNOWN ${'f'.repeat(92)}\r\n`, 'v1-no-crlf'],
    ['LF alone', 'PROXY TCP4 192.0.2.1 198.51.100.1 1 2\n', 'v1-bare-line-end'],
    ['CR alone', 'PROXY TCP4 192.0.2.1 198.51.100.1 1 2\rX', 'v1-bare-line-end'],
    ['LF inside of UNKNOWN', 'PROXY UNKNOWN a\nb\r\n', 'v1-bare-line-end'],
    ['CR CR LF', 'PROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\r\n', 'v1-bare-line-end'],
    ['no space after PROXY', 'PROXYTCP4 192.0.2.1 198.51.100.1 1 2\r\n', 'v1-fields'],
    ['PROXY alone', 'PROXY\r\n', 'v1-fields'],
    ['tab after PROXY', 'PROXY\tTCP4 192.0.2.1 198.51.100.1 1 2\r\n', 'v1-fields'],
    ['two spaces after PROXY', 'PROXY  TCP4 192.0.2.1 198.51.100.1 1 2\r\n', 'v1-protocol'],
    ['no protocol', 'PROXY \r\n', 'v1-protocol'],
    ['lower-case protocol', 'PROXY tcp4 192.0.2.1 198.51.100.1 1 2\r\n', 'v1-protocol'],
    ['UDP', 'PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n', 'v1-protocol'],
    ['UNKNOWN run on', 'PROXY UNKNOWNX\r\n', 'v1-protocol'],
    ['two spaces', 'PROXY TCP4 192.0.2.1  198.51.100.1 1 2\r\n', 'v1-fields'],
    ['trailing space', 'PROXY TCP4 192.0.2.1 198.51.100.1 1 2 \r\n', 'v1-fields'],
    ['a field too many', 'PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n', 'v1-fields'],
    ['no second port', 'PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n', 'v1-fields'],
    ['no fields', 'PROXY TCP4\r\n', 'v1-fields'],
    ['IPv6 in TCP4', 'PROXY TCP4 ::1 198.51.100.1 1 2\r\n', 'v1-address'],
    ['IPv4 in TCP6', 'PROXY TCP6 ::1 198.51.100.1 1 2\r\n', 'v1-address'],
    ['leading zero in an address', 'PROXY TCP4 192.0.02.1 198.51.100.1 1 2\r\n', 'v1-address'],
    ['octet over 255', 'PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n', 'v1-address'],
    ['three octets', 'PROXY TCP4 192.0.2 198.51.100.1 1 2\r\n', 'v1-address'],
    ['zone id', 'PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n', 'v1-address'],
    ['two gaps', 'PROXY TCP6 1::2::3 ::1 1 2\r\n', 'v1-address'],
    ['host name', 'PROXY TCP4 localhost 198.51.100.1 1 2\r\n', 'v1-address'],
    ['NUL in an address', 'PROXY TCP4 192.0.2.1\0 198.51.100.1 1 2\r\n', 'v1-address'],
    ['empty source', 'PROXY TCP4  198.51.100.1 1 2\r\n', 'v1-address'],
    ['leading zero in a port', 'PROXY TCP4 192.0.2.1 198.51.100.1 01 2\r\n', 'v1-port'],
    ['port 00', 'PROXY TCP4 192.0.2.1 198.51.100.1 1 00\r\n', 'v1-port'],
    ['port over 65535', 'PROXY TCP4 192.0.2.1 198.51.100.1 1 65536\r\n', 'v1-port'],
    ['port of six digits', 'PROXY TCP4 192.0.2.1 198.51.100.1 100000 1\r\n', 'v1-port'],
    ['signed port', 'PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n', 'v1-port'],
    ['negative port', 'PROXY TCP4 192.0.2.1 198.51.100.1 -1 2\r\n', 'v1-port'],
    ['hexadecimal port', 'PROXY TCP4 192.0.2.1 198.51.100.1 0x1 2\r\n', 'v1-port'],
    ['exponent as a port', 'PROXY TCP4 192.0.2.1 198.51.100.1 1e3 2\r\n', 'v1-port'],
    ['empty port', 'PROXY TCP4 192.0.2.1 198.51.100.1 1 \r\n', 'v1-port'],
  ])('refuses %s', (_name, line, detail) => {
    expect(readProxyHeader(text(line))).toEqual(invalid(detail));
  });
});
