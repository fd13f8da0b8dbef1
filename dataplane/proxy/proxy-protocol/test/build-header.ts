import * as fc from 'fast-check';
import { formatIp, ipFromBytes } from '../../../net/address.ts';
import type { SocketAddress } from '../../../net/address.ts';
import { parseHostname } from '../../../net/hostname.ts';
import { crc32c } from '../crc32c.ts';
import { readProxyHeader } from '../header.ts';
import type { ProxyHeader, ProxyHeaderFault, ProxyHeaderResult } from '../header.ts';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
export const TLS_BYTES = Uint8Array.of(22, 3, 1, 2, 0, 1);
export const TCP4_BLOCK = Uint8Array.of(192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0x01, 0xbb);

/** A version 2 header of the given parts; the length field follows them unless it is given. */
export function v2(versionCommand: number, family: number, body: Uint8Array, declared = body.length): Buffer {
  const length = Uint8Array.of(declared >> 8, declared & 0xff);
  return Buffer.concat([SIGNATURE, Uint8Array.of(versionCommand, family), length, body]);
}

export function tlv(type: number, value: Uint8Array, length = value.length): Buffer {
  return Buffer.concat([Uint8Array.of(type, length >> 8, length & 0xff), value]);
}

export function tcp4(...tlvs: Uint8Array[]): Buffer {
  return v2(0x21, 0x11, Buffer.concat([TCP4_BLOCK, ...tlvs]));
}

/** Fills in the checksum of a header that ends with a CRC32c TLV. */
export function checksummed(header: Buffer): Buffer {
  const copy = Buffer.from(header);
  copy.writeUInt32BE(crc32c(header), header.length - 4);
  return copy;
}

export function text(line: string): Buffer {
  return Buffer.from(line, 'latin1');
}

export function header(result: ProxyHeaderResult): ProxyHeader {
  if (result.kind !== 'header') throw new Error(`not a header: ${JSON.stringify(result)}`);
  return result;
}

export function endpoints(result: ProxyHeaderResult): (string | null)[] {
  const { source, destination } = header(result);
  return [source, destination].map((address) => (address === null ? null : shown(address)));
}

export function invalid(detail: ProxyHeaderFault): ProxyHeaderResult {
  return { kind: 'invalid', detail };
}

function shown({ ip, port }: SocketAddress): string {
  return ip.family === 4 ? `${formatIp(ip)}:${port}` : `[${formatIp(ip)}]:${port}`;
}

const ip = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => ipFromBytes(bytes)),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => ipFromBytes(bytes)),
);
const socketAddress: fc.Arbitrary<SocketAddress> = fc.record({ ip, port: fc.nat(65535) });
export const v2Options = fc.record(
  {
    source: socketAddress,
    destination: socketAddress,
    authority: fc.stringMatching(/^[a-z]{1,40}\.test$/).map((name) => parseHostname(name)!),
    uniqueId: fc.uint8Array({ maxLength: 128 }),
    crc: fc.boolean(),
  },
  { requiredKeys: ['source', 'destination'] },
);
export const v1Line = fc.tuple(socketAddress, socketAddress).map(([source, destination]) => {
  const isV4 = source.ip.family === 4 && destination.ip.family === 4;
  const write = (address: SocketAddress): string =>
    address.ip.family === 4 && !isV4 ? `::ffff:${formatIp(address.ip)}` : formatIp(address.ip);
  const line = `PROXY ${isV4 ? 'TCP4' : 'TCP6'} ${write(source)} ${write(destination)} ${source.port} ${destination.port}\r\n`;
  return { source, destination, bytes: text(line) };
});

export function expectPrefixesIncomplete(bytes: Uint8Array): void {
  for (let length = 0; length < bytes.length; length++) {
    const result = readProxyHeader(bytes.subarray(0, length));
    if (result.kind !== 'incomplete') throw new Error(`decided after ${length} of ${bytes.length} bytes`);
    if (result.needBytes <= length || result.needBytes > bytes.length) throw new Error(`asked for ${result.needBytes}`);
  }
}
