import { ipFromBytes } from '../../net/address.ts';
import type { SocketAddress } from '../../net/address.ts';
import { ByteReader } from '../../net/byte-reader.ts';
import { crc32c } from './crc32c.ts';
import type { ProxyHeaderFault, ProxyHeaderResult } from './header.ts';

export const V2_FIXED_LENGTH = 16;
export const TLV_AUTHORITY = 0x02;
export const TLV_CRC32C = 0x03;
export const TLV_UNIQUE_ID = 0x05;
export const MAX_UNIQUE_ID = 128;

/** What we are ready to buffer after the fixed part: the largest address block is 216, a client certificate TLV a few KiB. */
const MAX_DECLARED_LENGTH = 4096;
const MAX_AUTHORITY = 255;
const SIGNATURE_LENGTH = 12;
const ZERO_CHECKSUM = new Uint8Array(4);

interface Tlvs {
  authority?: string;
  uniqueId?: Uint8Array;
}

/** Reads a version 2 header; `bytes` starts with the signature. Parsing starts when all of it is there. */
export function readV2(bytes: Uint8Array): ProxyHeaderResult {
  const versionCommand = bytes[SIGNATURE_LENGTH];
  if (versionCommand === undefined) return { kind: 'incomplete', needBytes: V2_FIXED_LENGTH };
  if (versionCommand >> 4 !== 2) return invalid('v2-version');
  if ((versionCommand & 15) > 1) return invalid('v2-command');
  const reader = new ByteReader(bytes, SIGNATURE_LENGTH + 1);
  const family = reader.u8();
  const declared = reader.u16();
  if (reader.failed) return { kind: 'incomplete', needBytes: V2_FIXED_LENGTH };
  if (declared > MAX_DECLARED_LENGTH) return invalid('v2-too-long');
  const length = V2_FIXED_LENGTH + declared;
  const isLocal = (versionCommand & 15) === 0;
  const addressLength = addressLengthOf(family);
  if (!isLocal) {
    if (addressLength === null) return invalid('v2-family');
    if (declared < addressLength) return invalid('v2-address-length');
  }
  if (bytes.length < length) return { kind: 'incomplete', needBytes: length };
  // §2.2: for LOCAL the whole block is discarded, family, addresses and TLVs, whatever it holds.
  if (isLocal || addressLength === null) {
    return { kind: 'header', version: 2, command: 'LOCAL', source: null, destination: null, length };
  }
  const block = reader.sub(declared);
  const [source, destination] = readAddresses(family, block.sub(addressLength));
  const tlvs = readTlvs(bytes.subarray(0, length), block);
  if (typeof tlvs === 'string') return invalid(tlvs);
  return { kind: 'header', version: 2, command: 'PROXY', source, destination, ...tlvs, length };
}

/** Bytes of the address block for the combinations of family and protocol that §2.2 lists; null for all others. */
function addressLengthOf(family: number): number | null {
  switch (family) {
    case 0x00:
      return 0;
    case 0x11:
    case 0x12:
      return 12;
    case 0x21:
    case 0x22:
      return 36;
    case 0x31:
    case 0x32:
      return 216;
    default:
      return null;
  }
}

/** Only TCP is served here; §2.2 has a receiver treat the other families it knows as UNSPEC. */
function readAddresses(family: number, block: ByteReader): readonly [SocketAddress | null, SocketAddress | null] {
  if (family !== 0x11 && family !== 0x21) return [null, null];
  const size = family === 0x11 ? 4 : 16;
  const source = ipFromBytes(block.take(size));
  const destination = ipFromBytes(block.take(size));
  return [
    { ip: source, port: block.u16() },
    { ip: destination, port: block.u16() },
  ];
}

/** Walks the TLVs after the address block; the types that mean nothing to us are stepped over. */
function readTlvs(header: Uint8Array, block: ByteReader): Tlvs | ProxyHeaderFault {
  const tlvs: Tlvs = {};
  let isChecked = false;
  while (block.remaining > 0) {
    const type = block.u8();
    const value = block.take(block.u16());
    if (block.failed) return 'v2-tlv-length';
    switch (type) {
      case TLV_AUTHORITY: {
        if (tlvs.authority !== undefined) return 'v2-tlv-twice';
        const authority = readAuthority(value);
        if (authority === null) return 'v2-authority';
        tlvs.authority = authority;
        break;
      }
      case TLV_UNIQUE_ID:
        if (tlvs.uniqueId !== undefined) return 'v2-tlv-twice';
        if (value.length > MAX_UNIQUE_ID) return 'v2-unique-id';
        // A copy: the caller reuses its buffer, and Buffer's slice() would be a view of it.
        tlvs.uniqueId = new Uint8Array(value);
        break;
      case TLV_CRC32C:
        if (isChecked) return 'v2-tlv-twice';
        if (value.length !== ZERO_CHECKSUM.length || !hasValidChecksum(header, block.offset - value.length)) {
          return 'v2-checksum';
        }
        isChecked = true;
        break;
      default:
        break;
    }
  }
  return tlvs;
}

/** Text that is safe in a log line: UTF-8 without control characters, 1 to 255 bytes; null for anything else. */
function readAuthority(value: Uint8Array): string | null {
  if (value.length === 0 || value.length > MAX_AUTHORITY) return null;
  const text = Buffer.from(value.buffer, value.byteOffset, value.length).toString('utf8');
  return /[\p{Cc}\u{fffd}]/u.test(text) ? null : text;
}

/** §2.2.3: the sum covers the whole header with the checksum field as zeros. */
function hasValidChecksum(header: Uint8Array, fieldOffset: number): boolean {
  const before = crc32c(header.subarray(0, fieldOffset));
  const field = crc32c(ZERO_CHECKSUM, before);
  const sum = crc32c(header.subarray(fieldOffset + ZERO_CHECKSUM.length), field);
  return new ByteReader(header, fieldOffset).u32() === sum;
}

function invalid(detail: ProxyHeaderFault): ProxyHeaderResult {
  return { kind: 'invalid', detail };
}
