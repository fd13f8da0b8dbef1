import type { IpAddress } from '../net/address.ts';
import { openMmdb } from './mmdb.ts';

/** Countries of addresses, from a database that was verified when it was loaded (see loadGeoipDatabase). */
export interface Geoip {
  /** ISO 3166-1 alpha-2, or null when the database doesn't know. Never throws. */
  country(ip: IpAddress): string | null;
  /** Lookups that failed on damaged data. They answered null. */
  readonly failures: number;
}

/** Different records of a database that a thread remembers the country of: all of a Country database, a part of a City one. */
const CACHED_RECORDS = 65_536;

/**
 * One thread's reader over the shared bytes of a database. A lookup walks the tree (up to 32 or 128 steps, about a quarter of
 * a microsecond for IPv4) and decodes each record once. Throws MmdbFormatError when the buffer holds no MaxMind DB.
 */
export function createGeoip(buffer: SharedArrayBuffer): Geoip {
  const db = openMmdb(Buffer.from(buffer));
  const countries = new Map<number, string | null>();
  let failures = 0;

  function lookup(ip: IpAddress): string | null {
    const record = db.find(ip);
    if (record === -1) return null;
    const known = countries.get(record);
    if (known !== undefined) return known;
    const country = db.country(record);
    if (countries.size >= CACHED_RECORDS) countries.clear();
    countries.set(record, country);
    return country;
  }

  return {
    get failures() {
      return failures;
    },
    country(ip) {
      try {
        return lookup(ip);
      } catch {
        // The database was verified, so this is damage in memory or a defect: count it, and let the connection go on.
        failures++;
        return null;
      }
    },
  };
}
