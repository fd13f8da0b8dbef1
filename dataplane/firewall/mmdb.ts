import type { IpAddress } from '../net/address.ts';
import { createFields, MmdbFormatError, type Budget, type Fields } from './mmdb-fields.ts';

/** A MaxMind DB file in memory (format 2.0): its metadata, its search tree and the country in a data record. */
export interface Mmdb {
  readonly meta: MmdbMetadata;
  /** The record of node `node` for bit 0 or 1: a node below nodeCount, nodeCount for "no data", above it a data record. */
  child(node: number, bit: number): number;
  /** The tree's record for the address, or -1 when it has no data. */
  find(ip: IpAddress): number;
  /** country.iso_code of a data record, else registered_country.iso_code, else null. Throws MmdbFormatError on damage. */
  country(record: number, budget?: Budget): string | null;
  /** Walks every field of a data record. Throws MmdbFormatError on damage. */
  checkRecord(record: number, budget: Budget): void;
}

export interface MmdbMetadata {
  readonly type: string;
  /** Seconds since 1970. */
  readonly buildEpoch: number;
  readonly ipVersion: 4 | 6;
  readonly nodeCount: number;
  readonly recordSize: 24 | 28 | 32;
}

const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
const METADATA_MAX_BYTES = 128 * 1024;
const SEPARATOR_BYTES = 16;
/** Fields of one record that are passed at most. The richest databases have a few hundred. */
export const RECORD_FIELDS = 10_000;

const COUNTRY = Buffer.from('country');
const REGISTERED_COUNTRY = Buffer.from('registered_country');
const ISO_CODE = Buffer.from('iso_code');

/** Reads the metadata; the tree and the data are taken as they are (see verifyMmdb). Throws MmdbFormatError. */
export function openMmdb(file: Buffer): Mmdb {
  const markerAt = file.lastIndexOf(MARKER);
  if (markerAt === -1 || file.length - markerAt > METADATA_MAX_BYTES) {
    throw new MmdbFormatError('it has no metadata: not a MaxMind DB file, or cut off');
  }
  const metaStart = markerAt + MARKER.length;
  const meta = readMetadata(createFields(file, metaStart, file.length), metaStart);
  const { nodeCount, recordSize } = meta;
  const nodeBytes = recordSize / 4;
  const treeBytes = nodeCount * nodeBytes;
  const dataStart = treeBytes + SEPARATOR_BYTES;
  if (dataStart > markerAt)
    throw new MmdbFormatError(`its search tree of ${nodeCount} nodes doesn't fit into the file`);
  const fields = createFields(file, dataStart, markerAt);

  function child(node: number, bit: number): number {
    const at = node * nodeBytes;
    switch (recordSize) {
      case 24:
        return file.readUIntBE(at + bit * 3, 3);
      case 28: {
        // The middle byte holds the top four bits of both records.
        const middle = file.readUInt8(at + 3);
        return bit === 0
          ? (middle >> 4) * 0x1000000 + file.readUIntBE(at, 3)
          : (middle & 15) * 0x1000000 + file.readUIntBE(at + 4, 3);
      }
      case 32:
        return file.readUInt32BE(at + bit * 4);
      default:
        return recordSize satisfies never;
    }
  }

  /** Follows the `bits` highest bits of a word. */
  function descend(from: number, word: number): number {
    let node = from;
    for (let shift = 31; shift >= 0 && node < nodeCount; shift--) node = child(node, (word >>> shift) & 1);
    return node;
  }

  /** IPv4 lies below ::/96 in a tree for IPv6. */
  const ipv4Root = meta.ipVersion === 4 ? 0 : descend(descend(descend(0, 0), 0), 0);

  function dataOffset(record: number): number {
    return record - nodeCount + treeBytes;
  }

  function isoCode(offset: number, key: Buffer, budget: Budget): string | null {
    const country = fields.valueOf(offset, key, budget);
    if (country === -1) return null;
    const code = fields.valueOf(country, ISO_CODE, budget);
    const text = code === -1 ? null : fields.text(code);
    return text?.length === 2 ? text : null;
  }

  return {
    meta,
    child,

    find(ip) {
      const [w0, w1, w2, w3] = ip.words;
      if (ip.family === 6 && meta.ipVersion === 4) return -1;
      const record = ip.family === 4 ? descend(ipv4Root, w3) : descend(descend(descend(descend(0, w0), w1), w2), w3);
      return record > nodeCount ? record : -1;
    },

    country(record, budget = { fields: RECORD_FIELDS }) {
      const offset = dataOffset(record);
      return isoCode(offset, COUNTRY, budget) ?? isoCode(offset, REGISTERED_COUNTRY, budget);
    },

    checkRecord(record, budget) {
      fields.skip(dataOffset(record), budget);
    },
  };
}

function readMetadata(fields: Fields, at: number): MmdbMetadata {
  const integer = (key: string): number => {
    const offset = fields.valueOf(at, Buffer.from(key), { fields: RECORD_FIELDS });
    const value = offset === -1 ? null : fields.integer(offset);
    if (value === null) throw new MmdbFormatError(`its metadata has no ${key}`);
    return value;
  };
  const typeAt = fields.valueOf(at, Buffer.from('database_type'), { fields: RECORD_FIELDS });
  const type = typeAt === -1 ? null : fields.text(typeAt);
  if (type === null) throw new MmdbFormatError('its metadata has no database_type');
  const version = integer('binary_format_major_version');
  if (version !== 2) throw new MmdbFormatError(`its format version is ${version}, not 2`);
  const ipVersion = integer('ip_version');
  if (ipVersion !== 4 && ipVersion !== 6) throw new MmdbFormatError(`its ip_version is ${ipVersion}, not 4 or 6`);
  const recordSize = integer('record_size');
  if (recordSize !== 24 && recordSize !== 28 && recordSize !== 32) {
    throw new MmdbFormatError(`its record_size is ${recordSize}, not 24, 28 or 32`);
  }
  const nodeCount = integer('node_count');
  if (nodeCount === 0) throw new MmdbFormatError('its search tree is empty');
  return { type, buildEpoch: integer('build_epoch'), ipVersion, nodeCount, recordSize };
}
