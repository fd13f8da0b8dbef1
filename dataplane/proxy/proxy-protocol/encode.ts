import type { IpAddress, SocketAddress } from '../../net/address.ts';
import type { Hostname } from '../../net/hostname.ts';
import { crc32c } from './crc32c.ts';
import { V2_SIGNATURE } from './signature.ts';
import { MAX_UNIQUE_ID, TLV_AUTHORITY, TLV_CRC32C, TLV_UNIQUE_ID, V2_FIXED_LENGTH } from './v2.ts';

export interface ProxyV2Options {
  /** The client as it came to the edge. */
  readonly source: SocketAddress;
  /** Where the client connected to. */
  readonly destination: SocketAddress;
  /** The client's SNI, sent as PP2_TYPE_AUTHORITY. */
  readonly authority?: Hostname;
  /** At most 128 bytes, sent as PP2_TYPE_UNIQUE_ID. */
  readonly uniqueId?: Uint8Array;
  /** Adds a CRC32c TLV. */
  readonly crc?: boolean;
}

const encoder = new TextEncoder();
const TLV_HEADER = 3;
const CHECKSUM_LENGTH = 4;
const VERSION_2_PROXY = 0x21;
const VERSION_2_LOCAL = 0x20;
const TCP4 = 0x11;
const TCP6 = 0x21;

/**
 * A version 2 header with command PROXY over TCP (proxy-protocol.txt §2.2). When one side is IPv4 and the other IPv6
 * both are written as IPv6, IPv4 as ::ffff:a.b.c.d. One allocation. Throws RangeError when uniqueId is too long.
 */
export function encodeProxyV2(options: ProxyV2Options): Uint8Array {
  const { source, destination, authority, uniqueId, crc = false } = options;
  if (uniqueId !== undefined && uniqueId.length > MAX_UNIQUE_ID) {
    throw new RangeError(`a unique id has at most ${MAX_UNIQUE_ID} bytes, not ${uniqueId.length}`);
  }
  const isV4 = source.ip.family === 4 && destination.ip.family === 4;
  const ipSize = isV4 ? 4 : 16;
  const addressLength = 2 * ipSize + 4;
  const declared =
    addressLength +
    (authority === undefined ? 0 : TLV_HEADER + authority.length) +
    (uniqueId === undefined ? 0 : TLV_HEADER + uniqueId.length) +
    (crc ? TLV_HEADER + CHECKSUM_LENGTH : 0);
  const bytes = new Uint8Array(V2_FIXED_LENGTH + declared);
  const view = new DataView(bytes.buffer);
  bytes.set(V2_SIGNATURE);
  view.setUint8(12, VERSION_2_PROXY);
  view.setUint8(13, isV4 ? TCP4 : TCP6);
  view.setUint16(14, declared);
  let at = writeIp(view, V2_FIXED_LENGTH, source.ip, isV4);
  at = writeIp(view, at, destination.ip, isV4);
  view.setUint16(at, source.port);
  view.setUint16(at + 2, destination.port);
  at += 4;
  if (authority !== undefined) {
    at = writeTlvHeader(view, at, TLV_AUTHORITY, authority.length);
    // A Hostname is ASCII: as many bytes as characters.
    at += encoder.encodeInto(authority, bytes.subarray(at)).written;
  }
  if (uniqueId !== undefined) {
    at = writeTlvHeader(view, at, TLV_UNIQUE_ID, uniqueId.length);
    bytes.set(uniqueId, at);
    at += uniqueId.length;
  }
  if (crc) {
    at = writeTlvHeader(view, at, TLV_CRC32C, CHECKSUM_LENGTH);
    view.setUint32(at, crc32c(bytes));
  }
  return bytes;
}

/**
 * A version 2 header with command LOCAL and no addresses: the connection is the proxy's own, as for a health check
 * (proxy-protocol.txt §2.2).
 */
export function encodeProxyV2Local(): Uint8Array {
  const bytes = new Uint8Array(V2_FIXED_LENGTH);
  bytes.set(V2_SIGNATURE);
  bytes[12] = VERSION_2_LOCAL;
  return bytes;
}

/** Every address is held as 16 bytes whose last word is the IPv4 address. */
function writeIp(view: DataView, at: number, ip: IpAddress, isV4: boolean): number {
  const [w0, w1, w2, w3] = ip.words;
  if (isV4) {
    view.setUint32(at, w3);
    return at + 4;
  }
  view.setUint32(at, w0);
  view.setUint32(at + 4, w1);
  view.setUint32(at + 8, w2);
  view.setUint32(at + 12, w3);
  return at + 16;
}

function writeTlvHeader(view: DataView, at: number, type: number, length: number): number {
  view.setUint8(at, type);
  view.setUint16(at + 1, length);
  return at + TLV_HEADER;
}
