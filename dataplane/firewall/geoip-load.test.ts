import { mkdtemp, open, rename, rm, truncate, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { Reader, type CountryResponse } from 'maxmind';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { formatIp, ipFromBytes, parseIp, type IpAddress } from '../net/address.ts';
import { cidrContains, formatCidr, maskIp, type Cidr } from '../net/cidr.ts';
import { loadGeoipDatabase, type GeoipLoad } from './geoip-load.ts';
import { createGeoip, type Geoip } from './geoip.ts';
import { brokenMmdbs } from './test/broken-mmdbs.ts';
import { countryMmdb, writeMmdb, type MmdbValue } from './test/mmdb-writer.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'geoip-load-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

afterEach(() => {
  vi.restoreAllMocks();
});

let files = 0;
async function load(bytes: Buffer, maxBytes?: number): Promise<GeoipLoad> {
  const path = join(folder, `${files++}.mmdb`);
  await writeFile(path, bytes);
  return loadGeoipDatabase(path, maxBytes === undefined ? {} : { maxBytes });
}

async function loaded(bytes: Buffer): Promise<Geoip> {
  const result = await load(bytes);
  if (result.kind === 'failed') throw new Error(result.reason);
  return createGeoip(result.buffer);
}

function ip(text: string): IpAddress {
  return parseIp(text)!;
}

describe('a good database', () => {
  it('PX-11 tells its type and age', async () => {
    const bytes = countryMmdb([['192.0.2.0/24', 'DE']], { type: 'GeoLite2-Country', buildEpoch: 1_700_000_000 });
    expect(await load(bytes)).toMatchObject({ kind: 'loaded', type: 'GeoLite2-Country', buildEpoch: 1_700_000_000 });
  });

  it('PX-11 mapped addresses are looked up as IPv4, with or without aliases in the tree', async () => {
    for (const aliases of [true, false]) {
      const geoip = await loaded(countryMmdb([['192.0.2.0/24', 'DE']], { aliases }));
      expect(geoip.country(ip('192.0.2.9'))).toBe('DE');
      expect(geoip.country(ip('::ffff:192.0.2.9'))).toBe('DE');
      expect(geoip.country(ip('::ffff:c000:209'))).toBe('DE');
      expect(geoip.country(ip('2002:c000:209::1'))).toBe(aliases ? 'DE' : null);
    }
  });

  it('PX-11 takes country before registered_country, and the latter when the former is missing', async () => {
    const code = (text: string): MmdbValue => new Map([['iso_code', text]]);
    const geoip = await loaded(
      writeMmdb({
        networks: [
          [
            '192.0.2.0/25',
            new Map([
              ['registered_country', code('US')],
              ['country', code('DE')],
            ]),
          ],
          ['192.0.2.128/25', new Map([['registered_country', code('US')]])],
          ['198.51.100.0/24', new Map<string, MmdbValue>([['is_anonymous_proxy', true]])],
        ],
      }).bytes,
    );
    expect(geoip.country(ip('192.0.2.1'))).toBe('DE');
    expect(geoip.country(ip('192.0.2.129'))).toBe('US');
    expect(geoip.country(ip('198.51.100.1'))).toBeNull();
    expect(geoip.failures).toBe(0);
  });

  it('reads an IPv4 database, which knows nothing about IPv6', async () => {
    const geoip = await loaded(countryMmdb([['192.0.2.0/24', 'DE']], { ipVersion: 4 }));
    expect(geoip.country(ip('192.0.2.1'))).toBe('DE');
    expect(geoip.country(ip('2001:db8::1'))).toBeNull();
  });

  it('reads City and Enterprise records, with every type of field around the country', async () => {
    const record = new Map<string, MmdbValue>([
      ['city', new Map([['names', new Map([['en', 'B'.repeat(70_000)]])]])],
      ['location', new Map<string, MmdbValue>([['latitude', { double: 52.5 }]])],
      ['subdivisions', [new Map([['iso_code', 'BE']]), new Map([['iso_code', 'XX']])]],
      ['traits', new Map<string, MmdbValue>(Array.from({ length: 300 }, (_, i) => [`trait ${i}`, i % 2 === 0]))],
      ['count', 2n ** 63n],
      ['country', new Map([['iso_code', 'DE']])],
    ]);
    const geoip = await loaded(writeMmdb({ networks: [['2001:db8::/32', record]], type: 'GeoIP2-Enterprise' }).bytes);
    expect(geoip.country(ip('2001:db8::1'))).toBe('DE');
  });
});

const network: fc.Arbitrary<Cidr> = fc
  .tuple(
    fc.oneof(
      fc.tuple(fc.constantFrom(10, 192), fc.nat(3), fc.nat(3), fc.nat(255)).map((bytes) => Uint8Array.from(bytes)),
      fc.array(fc.nat(3), { minLength: 14, maxLength: 14 }).map((bytes) => Uint8Array.from([0x20, 1, ...bytes])),
    ),
    fc.nat(127),
  )
  .map(([bytes, seed]) => {
    const address = ipFromBytes(bytes);
    // An IPv6 network of fewer than 16 bits could cover ::/96, where the tree keeps IPv4.
    const prefix = address.family === 4 ? 1 + (seed % 32) : 16 + (seed % 113);
    return { base: maskIp(address, prefix), prefix };
  });

const table = fc
  .uniqueArray(fc.tuple(network, fc.constantFrom('DE', 'FR', 'US', 'JP', 'BR')), {
    minLength: 1,
    maxLength: 30,
    selector: ([cidr]) => formatCidr(cidr),
  })
  .chain((networks) =>
    fc.tuple(
      fc.constant(networks),
      fc.array(fc.tuple(fc.nat(networks.length - 1), fc.nat(127)), { minLength: 1, maxLength: 20 }),
    ),
  );

describe('lookups', () => {
  it('PX-11 answer as the written table and as an independent reader do, at every record size', async () => {
    await fc.assert(
      fc.asyncProperty(table, fc.constantFrom<24 | 28 | 32>(24, 28, 32), async ([networks, probes], recordSize) => {
        const bytes = countryMmdb(
          networks.map(([cidr, code]) => [formatCidr(cidr), code] as const),
          { recordSize },
        );
        const geoip = await loaded(bytes);
        const oracle = new Reader<CountryResponse>(bytes);
        for (const [index, flip] of probes) {
          const probe = flipBit(networks[index]![0].base, flip);
          const expected = networks
            .filter(([cidr]) => cidrContains(cidr, probe))
            .toSorted(([a], [b]) => b.prefix - a.prefix)[0]?.[1];
          expect(geoip.country(probe)).toBe(expected ?? null);
          expect(geoip.country(probe)).toBe(oracle.get(formatIp(probe))?.country?.iso_code ?? null);
        }
        expect(geoip.failures).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});

/** Does something to the file right before the next read of any file gets its bytes. */
async function duringFirstRead(path: string, change: () => Promise<void>): Promise<void> {
  await using file = await open(path);
  const handles = Object.getPrototypeOf(file) as FileHandle;
  const read = handles.read;
  vi.spyOn(handles, 'read').mockImplementationOnce(async function changed(this: FileHandle, ...args: unknown[]) {
    await change();
    return Reflect.apply(read, this, args) as ReturnType<FileHandle['read']>;
  });
}

function flipBit(address: IpAddress, bit: number): IpAddress {
  const words = [...address.words] as [number, number, number, number];
  const index = address.family === 4 ? 3 : bit >> 5;
  words[index] = (words[index]! ^ (1 << (bit & 31))) >>> 0;
  return { family: address.family, words };
}

describe('a bad database', () => {
  it.each([...brokenMmdbs()])('PX-11 is refused: %s', async (_, bytes) => {
    const result = await load(bytes);
    expect(result.kind === 'failed' && result.reason).toMatch(/^GeoIP database .*\.mmdb is refused: it|a |the /);
  });

  it('PX-11 is refused when it is missing, no file, or too big', async () => {
    expect(await loadGeoipDatabase(join(folder, 'absent.mmdb'))).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('does not exist') as string,
    });
    expect(await loadGeoipDatabase(folder)).toMatchObject({ kind: 'failed' });
    expect(await load(countryMmdb([['192.0.2.0/24', 'DE']]), 100)).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('more than the 100') as string,
    });
  });

  it('PX-11 is refused when it changes while it is read', async () => {
    const path = join(folder, 'swapped.mmdb');
    const bytes = countryMmdb([['192.0.2.0/24', 'DE']]);
    await writeFile(path, bytes);
    await writeFile(`${path}.new`, bytes);
    await duringFirstRead(path, async () => {
      await rename(`${path}.new`, path);
    });
    expect(await loadGeoipDatabase(path)).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('changed while it was read') as string,
    });
    expect(await loadGeoipDatabase(path)).toMatchObject({ kind: 'loaded' });
    await duringFirstRead(path, () => truncate(path, 100));
    expect(await loadGeoipDatabase(path)).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('changed while it was read') as string,
    });
  });

  it('PX-11 damage anywhere ends in a refusal or in lookups that never throw', async () => {
    const good = countryMmdb(
      Array.from({ length: 40 }, (_, i) => [`${i + 1}.0.0.0/${8 + (i % 9)}`, i % 2 === 0 ? 'DE' : 'FR'] as const),
    );
    const probes = Array.from({ length: 64 }, (_, i) => ipFromBytes(Uint8Array.of(i, i, i, i)));
    const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(damage, fc.option(fc.nat(good.length)), async (bytes, cut) => {
        const bad = Buffer.from(good.subarray(0, cut ?? good.length));
        for (const [at, value] of bytes) if (at < bad.length) bad[at] = value;
        const result = await load(bad);
        if (result.kind === 'failed') return;
        const geoip = createGeoip(result.buffer);
        for (const probe of probes) geoip.country(probe);
        expect(geoip.failures).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it('PX-11 damage after it was verified is counted and answers null', async () => {
    const result = await load(countryMmdb([['192.0.2.0/24', 'DE']]));
    if (result.kind === 'failed') throw new Error(result.reason);
    const geoip = createGeoip(result.buffer);
    const separator = Buffer.from(result.buffer).indexOf(Buffer.alloc(16));
    Buffer.from(result.buffer).fill(0x0c, separator + 16, separator + 40);
    expect(geoip.country(ip('192.0.2.1'))).toBeNull();
    expect(geoip.failures).toBe(1);
  });
});
