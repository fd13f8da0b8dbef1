import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { createRateLimiter, createRateTable } from '../rate-limiter.ts';
import type { RateWorkerData } from './rate-worker.ts';

const THREADS = 4;

/** What all threads together were admitted, by key. */
async function hammer(table: SharedArrayBuffer, keys: number, hits: number, limit: number): Promise<number[]> {
  const go = new SharedArrayBuffer(4);
  const workerData: RateWorkerData = { table, go, keys, hits, limit };
  const workers = Array.from(
    { length: THREADS },
    () => new Worker(new URL('./rate-worker.ts', import.meta.url), { workerData }),
  );
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  const results = Promise.all(workers.map((worker) => once(worker, 'message') as Promise<[number[]]>));
  Atomics.store(new Int32Array(go), 0, 1);
  Atomics.notify(new Int32Array(go), 0);
  const counts = (await results).map(([admitted]) => admitted);
  await Promise.all(workers.map((worker) => worker.terminate()));
  return Array.from({ length: keys }, (_, key) => counts.reduce((sum, admitted) => sum + admitted[key]!, 0));
}

describe('PX-12 several worker threads', () => {
  it('that hammer one key are admitted exactly the limit', async () => {
    const table = createRateTable(1024);
    expect(await hammer(table, 1, 50_000, 12_345)).toEqual([12_345]);
    expect(createRateLimiter(table).used(0, 0, 0xffff, 0, 3_600_000)).toBe(12_345);
    expect(createRateLimiter(table).stats()).toMatchObject({ occupied: 1, evictions: 0, locksBroken: 0 });
  });

  it('that hammer the keys of one set are admitted exactly the limit of each', async () => {
    expect(await hammer(createRateTable(8), 8, 40_000, 1000)).toEqual(Array.from({ length: 8 }, () => 1000));
  });
});
