import { parseCidr } from '../../net/cidr.ts';

/**
 * A value of a MaxMind DB record: numbers are written as uint32, bigints as uint64, { double } as IEEE-754, { rawHex } as it is,
 * for fields that no writer would write.
 */
export type MmdbValue =
  | string
  | number
  | bigint
  | boolean
  | { readonly double: number }
  | { readonly rawHex: string }
  | readonly MmdbValue[]
  | ReadonlyMap<string, MmdbValue>;

export interface MmdbSpec {
  readonly networks: readonly (readonly [cidr: string, record: MmdbValue])[];
  readonly recordSize?: 24 | 28 | 32;
  readonly ipVersion?: 4 | 6;
  readonly type?: string;
  /** Seconds since 1970. */
  readonly buildEpoch?: number;
  /** As MaxMind does: ::ffff:0:0/96 and 2002::/16 lead to the IPv4 space. Default: true. */
  readonly aliases?: boolean;
}

/** A database and where its parts are, for tests that damage it. */
export interface WrittenMmdb {
  readonly bytes: Buffer;
  readonly nodeCount: number;
  readonly recordSize: 24 | 28 | 32;
  readonly dataStart: number;
  readonly metadataStart: number;
}

type Edge = { kind: 'none' } | { kind: 'node'; index: number } | { kind: 'data'; offset: number };
type Node = [Edge, Edge];

const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');

/** A database like GeoLite2-Country: each network's record holds country.iso_code, names and registered_country. */
export function countryMmdb(
  networks: readonly (readonly [cidr: string, code: string])[],
  options: Omit<MmdbSpec, 'networks'> = {},
): Buffer {
  return writeMmdb({ ...options, networks: networks.map(([cidr, code]) => [cidr, countryRecord(code)]) }).bytes;
}

export function countryRecord(code: string): MmdbValue {
  const country = new Map<string, MmdbValue>([
    ['geoname_id', 2_921_044],
    ['iso_code', code],
    ['names', new Map([['en', `Land of ${code}`]])],
  ]);
  const continent = new Map<string, MmdbValue>([['code', 'EU']]);
  return new Map([
    ['continent', continent],
    ['country', country],
    ['registered_country', country],
  ]);
}

/** Networks may nest and come in any order: the most specific wins. */
export function writeMmdb(spec: MmdbSpec): WrittenMmdb {
  const ipVersion = spec.ipVersion ?? 6;
  const recordSize = spec.recordSize ?? 24;
  const data = createDataSection();
  const nodes: Node[] = [emptyNode()];
  const networks = spec.networks.map(([text, record]) => ({ bits: networkBits(text, ipVersion), record }));
  for (const { bits, record } of networks.toSorted((a, b) => a.bits.length - b.bits.length)) {
    insert(nodes, bits, { kind: 'data', offset: data.add(record) });
  }
  if (ipVersion === 6 && (spec.aliases ?? true)) addAliases(nodes);

  const nodeCount = nodes.length;
  const treeBytes = (nodeCount * recordSize) / 4;
  const tree = Buffer.alloc(treeBytes);
  const section = data.bytes();
  const metadata = encodeMetadata(spec, nodeCount, recordSize, ipVersion);
  const bytes = Buffer.concat([tree, Buffer.alloc(16), section, MARKER, metadata]);
  const dataStart = treeBytes + 16;
  const metadataStart = dataStart + section.length + MARKER.length;
  const written = { bytes, nodeCount, recordSize, dataStart, metadataStart };
  nodes.forEach((node, index) => {
    node.forEach((edge, bit) => setRecord(written, index, bit, edgeValue(edge, nodeCount)));
  });
  return written;
}

/** Writes a record of the tree, right or wrong. */
export function setRecord(db: WrittenMmdb, node: number, bit: number, value: number): void {
  const at = (node * db.recordSize) / 4;
  switch (db.recordSize) {
    case 24:
      db.bytes.writeUIntBE(value, at + bit * 3, 3);
      break;
    case 28: {
      const high = value >>> 24;
      const middle = db.bytes.readUInt8(at + 3);
      db.bytes.writeUInt8(bit === 0 ? (middle & 0x0f) | (high << 4) : (middle & 0xf0) | high, at + 3);
      db.bytes.writeUIntBE(value & 0xffffff, at + bit * 4, 3);
      break;
    }
    case 32:
      db.bytes.writeUInt32BE(value, at + bit * 4);
      break;
    default:
      db.recordSize satisfies never;
  }
}

function encodeMetadata(spec: MmdbSpec, nodeCount: number, recordSize: number, ipVersion: number): Buffer {
  const fields = new Map<string, MmdbValue>([
    ['binary_format_major_version', 2],
    ['binary_format_minor_version', 0],
    ['build_epoch', BigInt(spec.buildEpoch ?? 1_767_225_600)],
    ['database_type', spec.type ?? 'Test-Country'],
    ['description', new Map([['en', 'written by a test']])],
    ['ip_version', ipVersion],
    ['languages', ['en']],
    ['node_count', nodeCount],
    ['record_size', recordSize],
  ]);
  return encodeValue(fields, () => null, 0);
}

function edgeValue(edge: Edge, nodeCount: number): number {
  switch (edge.kind) {
    case 'none':
      return nodeCount;
    case 'node':
      return edge.index;
    case 'data':
      return nodeCount + 16 + edge.offset;
    default:
      return edge satisfies never;
  }
}

function emptyNode(): Node {
  return [{ kind: 'none' }, { kind: 'none' }];
}

function networkBits(text: string, ipVersion: 4 | 6): number[] {
  const parse = parseCidr(text);
  if (parse.kind !== 'cidr') throw new Error(`${text} is not a network`);
  const { base, prefix } = parse.cidr;
  if (base.family === 6 && ipVersion === 4) throw new Error(`${text} does not fit into an IPv4 database`);
  const words = base.family === 4 ? base.words.slice(3) : base.words;
  const bits = words.flatMap((word) => Array.from({ length: 32 }, (_, index) => (word >>> (31 - index)) & 1));
  const ownBits = bits.slice(0, prefix);
  return base.family === 4 && ipVersion === 6 ? [...Array.from({ length: 96 }, () => 0), ...ownBits] : ownBits;
}

function insert(nodes: Node[], bits: readonly number[], edge: Edge): void {
  const last = bits.at(-1);
  if (last === undefined) throw new Error('a tree of one record has no node');
  nodeAt(nodes, bits.slice(0, -1))[last] = edge;
}

/** The node that the bits lead to; a leaf on the way is split into two. */
function nodeAt(nodes: Node[], bits: readonly number[]): Node {
  let node = nodes[0]!;
  for (const bit of bits) {
    const edge = node[bit]!;
    if (edge.kind === 'node') {
      node = nodes[edge.index]!;
      continue;
    }
    const split: Node = [edge, edge];
    nodes.push(split);
    node[bit] = { kind: 'node', index: nodes.length - 1 };
    node = split;
  }
  return node;
}

function addAliases(nodes: Node[]): void {
  const zeros = Array.from({ length: 95 }, () => 0);
  const root = nodeAt(nodes, zeros)[0];
  insert(nodes, [...zeros.slice(0, 80), ...Array.from({ length: 16 }, () => 1)], root);
  insert(nodes, [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0], root);
}

/** Equal records are written once; strings that came before are written as pointers, as real databases do. */
function createDataSection(): { add(value: MmdbValue): number; bytes(): Buffer } {
  const chunks: Buffer[] = [];
  const records = new Map<string, number>();
  const strings = new Map<string, number>();
  let length = 0;
  return {
    add(value) {
      const key = fingerprint(value);
      const known = records.get(key);
      if (known !== undefined) return known;
      const offset = length;
      const chunk = encodeValue(value, (text, at) => rememberString(strings, text, at), offset);
      chunks.push(chunk);
      length += chunk.length;
      records.set(key, offset);
      return offset;
    },
    bytes: () => Buffer.concat(chunks),
  };
}

function rememberString(strings: Map<string, number>, text: string, at: number): number | null {
  const known = strings.get(text);
  if (known !== undefined) return known;
  strings.set(text, at);
  return null;
}

function fingerprint(value: MmdbValue): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (part instanceof Map) return { map: [...part] };
    return typeof part === 'bigint' ? `${part}n` : part;
  });
}

/** `seen` answers where an equal string was written, or null and remembers this one. */
function encodeValue(value: MmdbValue, seen: (text: string, at: number) => number | null, at: number): Buffer {
  if (typeof value === 'string') {
    const known = seen(value, at);
    if (known !== null) return encodePointer(known);
    const text = Buffer.from(value);
    return Buffer.concat([head(2, text.length), text]);
  }
  if (typeof value === 'number') return encodeUnsigned(6, BigInt(value));
  if (typeof value === 'bigint') return encodeUnsigned(9, value);
  if (typeof value === 'boolean') return head(14, value ? 1 : 0);
  if (value instanceof Map) {
    return encodeSequence(head(7, value.size), [...value].flat(), seen, at);
  }
  if (Array.isArray(value)) return encodeSequence(head(11, value.length), value, seen, at);
  if ('double' in value) {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value.double);
    return Buffer.concat([head(3, 8), bytes]);
  }
  if ('rawHex' in value) return Buffer.from(value.rawHex, 'hex');
  throw new Error('not a value of a database');
}

function encodeSequence(
  start: Buffer,
  values: readonly MmdbValue[],
  seen: (text: string, at: number) => number | null,
  at: number,
): Buffer {
  const chunks = [start];
  let length = start.length;
  for (const value of values) {
    const chunk = encodeValue(value, seen, at + length);
    chunks.push(chunk);
    length += chunk.length;
  }
  return Buffer.concat(chunks);
}

function encodeUnsigned(type: number, value: bigint): Buffer {
  const hex = value === 0n ? '' : value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Buffer.concat([head(type, bytes.length), bytes]);
}

function encodePointer(target: number): Buffer {
  if (target < 2048) return Buffer.of(0x20 | (target >> 8), target & 255);
  if (target < 526_336) {
    const rest = target - 2048;
    return Buffer.of(0x28 | (rest >> 16), (rest >> 8) & 255, rest & 255);
  }
  const wide = Buffer.alloc(5);
  wide.writeUInt8(0x38);
  wide.writeUInt32BE(target, 1);
  return wide;
}

function head(type: number, size: number): Buffer {
  const extended = type > 7 ? [type - 7] : [];
  const top = type > 7 ? 0 : type << 5;
  if (size < 29) return Buffer.of(top | size, ...extended);
  if (size < 285) return Buffer.of(top | 29, ...extended, size - 29);
  if (size < 65_821) return Buffer.of(top | 30, ...extended, (size - 285) >> 8, (size - 285) & 255);
  const rest = size - 65_821;
  return Buffer.of(top | 31, ...extended, rest >> 16, (rest >> 8) & 255, rest & 255);
}
