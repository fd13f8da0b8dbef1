import { countryMmdb, countryRecord, setRecord, writeMmdb, type MmdbValue, type WrittenMmdb } from './mmdb-writer.ts';

/** Files that loadGeoipDatabase must refuse, by what is wrong with them. */
export function brokenMmdbs(): ReadonlyMap<string, Buffer> {
  const good = countryMmdb([['192.0.2.0/24', 'DE']]);
  return new Map([
    ['empty', Buffer.alloc(0)],
    ['text', Buffer.from('<html>404 Not Found</html>')],
    ['cut off at half', good.subarray(0, good.length / 2)],
    ['cut off before its last byte', good.subarray(0, good.length - 1)],
    ['metadata alone', good.subarray(good.indexOf('\xab\xcd\xefMaxMind.com', 0, 'latin1'))],
    ['first node missing', good.subarray(6)],
    ['an ASN database', writeMmdb({ networks: [['192.0.2.0/24', asn()]], type: 'GeoLite2-ASN' }).bytes],
    ['countries without codes', writeMmdb({ networks: [['192.0.2.0/24', namedOnly()]] }).bytes],
    ['no networks at all', countryMmdb([])],
    ['format version 3', replaced(good, 'binary_format_major_version', Buffer.of(0xc1, 3))],
    ['ip_version 5', replaced(good, 'ip_version', Buffer.of(0xc1, 5))],
    ['record_size 20', replaced(good, 'record_size', Buffer.of(0xc1, 20))],
    ['more nodes than bytes', replaced(good, 'node_count', Buffer.of(0xc1, 255))],
    ['a loop in the tree', damaged((db) => setRecord(db, 40, 0, 0))],
    ['a node that is its own child', damaged((db) => setRecord(db, 3, 1, 3))],
    ['a path longer than an address', tooDeep()],
    ['a record in the separator', damaged((db) => setRecord(db, 2, 1, db.nodeCount + 5))],
    ['a record behind the data', damaged((db) => setRecord(db, 2, 1, 0xffffff))],
    ['data of zeros', damaged((db) => db.bytes.fill(0, db.dataStart, db.dataStart + 20))],
    ['a field of an unknown type', withCountry('0005')],
    ['a map that claims millions of entries', withCountry('ffffffff')],
    ['a string that ends behind the data', withCountry('5fffffff')],
    ['a pointer to itself', withCountry('2009')],
    ['a pointer out of the data', withCountry('27ff')],
    ['a key that is no string', withCountry('e1c101c101')],
    ['a number of 20 bytes', withCountry('d4'.padEnd(42, '0'))],
    ['fields nested 50,000 deep', withCountry('e14161'.repeat(50_000))],
    ['a record of 20,000 fields', withCountry(`1e044d03${'c0'.repeat(20_000)}`)],
  ]);
}

function asn(): MmdbValue {
  return new Map<string, MmdbValue>([['autonomous_system_number', 64_496]]);
}

function namedOnly(): MmdbValue {
  return new Map([['country', new Map([['names', new Map([['en', 'Nowhere']])]])]]);
}

function damaged(damage: (db: WrittenMmdb) => void): Buffer {
  const db = writeMmdb({ networks: [['192.0.2.0/24', countryRecord('DE')]], aliases: false });
  damage(db);
  return db.bytes;
}

/** One record whose country is the raw field; it starts 9 bytes into the data section. */
function withCountry(rawHex: string): Buffer {
  return writeMmdb({ networks: [['192.0.2.0/24', new Map([['country', { rawHex }]])]] }).bytes;
}

/** The leaf of a path of 120 bits leads into another path, behind its second bit. */
function tooDeep(): Buffer {
  const networks = ['192.0.2.0/24', '8000::1/128'].map((cidr) => [cidr, countryRecord('DE')] as const);
  const db = writeMmdb({ networks, aliases: false });
  setRecord(db, 119, 1, 121);
  return db.bytes;
}

/** Overwrites the start of the value of a metadata key, which the writer spells out right before it. */
function replaced(file: Buffer, key: string, value: Buffer): Buffer {
  const copy = Buffer.from(file);
  const at = copy.lastIndexOf(key) + key.length;
  value.copy(copy, at);
  return copy;
}
