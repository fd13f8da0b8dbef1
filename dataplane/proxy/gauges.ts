/** Listeners that one process can have at a time. */
export const MAX_LISTENERS = 63;

/** A row: the worker's total, then its listeners, then its connections to backends. */
const UPSTREAMS = MAX_LISTENERS + 1;
const ROW = UPSTREAMS + 1;

/**
 * Open connections by listener, in memory that all workers share, so that `max_connections` holds over all of them. Each worker
 * writes its own row only: when it crashes, the main thread clears that row and nothing stays counted.
 */
export interface ConnectionGauges extends UpstreamSlots {
  /** False, and nothing is counted, when the listener's bound (0: none) or the process's is reached. Two reads a worker. */
  tryOpen(listener: number, maxConnections: number): boolean;
  close(listener: number): void;
  active(listener: number): number;
  total(): number;
}

/** Connections to backends: at most as many as clients may have, so that neither side can take the descriptors of the other. */
export interface UpstreamSlots {
  /** False, and nothing is counted, when the process has as many as it may have. */
  tryDial(): boolean;
  hungUp(): void;
}

export function allocateGauges(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(workers * ROW * Int32Array.BYTES_PER_ELEMENT);
}

/** `listener` counts from 0 to MAX_LISTENERS - 1. */
export function createGauges(buffer: SharedArrayBuffer, worker: number, processMax: number): ConnectionGauges {
  const cells = new Int32Array(buffer);
  const row = worker * ROW;

  function sum(column: number): number {
    let total = 0;
    for (let index = column; index < cells.length; index += ROW) total += Atomics.load(cells, index);
    return total;
  }

  function close(listener: number): void {
    Atomics.sub(cells, row + 1 + listener, 1);
    Atomics.sub(cells, row, 1);
  }

  function hungUp(): void {
    Atomics.sub(cells, row + UPSTREAMS, 1);
  }

  return {
    close,
    hungUp,
    tryDial() {
      Atomics.add(cells, row + UPSTREAMS, 1);
      if (sum(UPSTREAMS) <= processMax) return true;
      hungUp();
      return false;
    },
    active: (listener) => sum(1 + listener),
    total: () => sum(0),
    tryOpen(listener, maxConnections) {
      Atomics.add(cells, row + 1 + listener, 1);
      Atomics.add(cells, row, 1);
      if ((maxConnections === 0 || sum(1 + listener) <= maxConnections) && sum(0) <= processMax) return true;
      close(listener);
      return false;
    },
  };
}

/** Forgets what a crashed worker had open. */
export function clearGauges(buffer: SharedArrayBuffer, worker: number): void {
  const cells = new Int32Array(buffer);
  for (let index = worker * ROW; index < (worker + 1) * ROW; index++) Atomics.store(cells, index, 0);
}
