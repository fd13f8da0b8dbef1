import { EventEmitter, on } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseIp } from '../net/address.ts';
import type { GeoipLoad } from './geoip-load.ts';
import { watchGeoip, type GeoipWatcher, type LoadedGeoip } from './geoip-watch.ts';
import { createGeoip } from './geoip.ts';
import { countryMmdb } from './test/mmdb-writer.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'geoip-watch-'));
  path = join(folder, 'countries.mmdb');
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

interface Started {
  readonly watcher: GeoipWatcher;
  /** Waits for a load that answers the country for 192.0.2.1; loads of a file that is still being written don't matter. */
  untilLoaded(country: string): Promise<void>;
  untilFailed(): Promise<void>;
}

function start(): Started {
  const emitter = new EventEmitter<{ load: [GeoipLoad] }>();
  const loads = on(emitter, 'load') as AsyncIterableIterator<[GeoipLoad]>;
  const watcher = watchGeoip(path, (load) => emitter.emit('load', load), { pollMs: 5 });
  const until = async (wanted: (load: GeoipLoad) => boolean): Promise<void> => {
    for (;;) {
      const { value } = (await loads.next()) as { value: [GeoipLoad] };
      if (wanted(value[0])) return;
    }
  };
  return {
    watcher,
    untilLoaded: (country) => until((load) => load.kind === 'loaded' && countryIn(load) === country),
    untilFailed: () => until((load) => load.kind === 'failed'),
  };
}

function countryIn(load: LoadedGeoip): string | null {
  return createGeoip(load.buffer).country(parseIp('192.0.2.1')!);
}

function countryOf(watcher: GeoipWatcher): string | null {
  if (watcher.current === null) throw new Error('no database is loaded');
  return countryIn(watcher.current);
}

const database = (code: string): Buffer => countryMmdb([['192.0.2.0/24', code]]);

async function replace(bytes: Buffer): Promise<void> {
  await writeFile(`${path}.new`, bytes);
  await rename(`${path}.new`, path);
}

describe('watchGeoip', () => {
  it('PX-11 picks up a file that was renamed over the old one', async () => {
    await writeFile(path, database('DE'));
    const { watcher, untilLoaded } = start();
    await using _ = watcher;
    await watcher.reload();
    expect(countryOf(watcher)).toBe('DE');
    await replace(database('FR'));
    await untilLoaded('FR');
    expect(countryOf(watcher)).toBe('FR');
    expect(watcher.reloadFailures).toBe(0);
  });

  it('PX-11 picks up a file that was written in place', async () => {
    await writeFile(path, database('DE'));
    const { watcher, untilLoaded } = start();
    await using _ = watcher;
    await watcher.reload();
    await writeFile(path, countryMmdb([['192.0.0.0/16', 'JP']]));
    await untilLoaded('JP');
    expect(countryOf(watcher)).toBe('JP');
  });

  it('PX-11 keeps the old database when the new one is corrupt, counts it and says why', async () => {
    await writeFile(path, database('DE'));
    const { watcher, untilLoaded, untilFailed } = start();
    await using _ = watcher;
    await watcher.reload();
    await replace(database('FR').subarray(0, 300));
    await untilFailed();
    expect(countryOf(watcher)).toBe('DE');
    expect(watcher.reloadFailures).toBe(1);
    expect(watcher.lastError).toContain(path);
    await replace(database('US'));
    await untilLoaded('US');
    expect(countryOf(watcher)).toBe('US');
    expect(watcher.lastError).toBeNull();
    expect(watcher.reloadFailures).toBe(1);
  });

  it('PX-11 keeps the old database when the file disappears, and takes the one that appears', async () => {
    await writeFile(path, database('DE'));
    const { watcher, untilLoaded, untilFailed } = start();
    await using _ = watcher;
    await watcher.reload();
    await rm(path);
    await untilFailed();
    expect(countryOf(watcher)).toBe('DE');
    await replace(database('BR'));
    await untilLoaded('BR');
    expect(countryOf(watcher)).toBe('BR');
  });

  it('PX-11 reloads on demand, one load after another, whether or not the file changed', async () => {
    await writeFile(path, database('DE'));
    const { watcher } = start();
    await using _ = watcher;
    const loads = await Promise.all([watcher.reload(), watcher.reload(), watcher.reload()]);
    expect(loads.map((load) => load.kind)).toEqual(['loaded', 'loaded', 'loaded']);
    expect(countryOf(watcher)).toBe('DE');
  });

  it('PX-11 starts without a file and takes it when it comes', async () => {
    const { watcher, untilLoaded } = start();
    await using _ = watcher;
    expect((await watcher.reload()).kind).toBe('failed');
    expect(watcher.current).toBeNull();
    await replace(database('DE'));
    await untilLoaded('DE');
    expect(countryOf(watcher)).toBe('DE');
  });
});
