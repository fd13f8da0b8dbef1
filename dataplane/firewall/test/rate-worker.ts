import { parentPort, workerData } from 'node:worker_threads';
import { createRateLimiter } from '../rate-limiter.ts';

/** Hits the keys in turn as fast as it can once `go` is set, and posts how many hits of each were admitted. */
export interface RateWorkerData {
  readonly table: SharedArrayBuffer;
  readonly go: SharedArrayBuffer;
  readonly keys: number;
  readonly hits: number;
  readonly limit: number;
}

const { table, go, keys, hits, limit } = workerData as RateWorkerData;
const limiter = createRateLimiter(table);
const admitted = Array.from({ length: keys }, () => 0);
parentPort?.postMessage('ready');
Atomics.wait(new Int32Array(go), 0, 0);
for (let hit = 0; hit < hits; hit++) {
  const key = hit % keys;
  if (limiter.take(0, 0, 0xffff, key, limit, 3_600_000)) admitted[key] = (admitted[key] ?? 0) + 1;
}
parentPort?.postMessage(admitted);
