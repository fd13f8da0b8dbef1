import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Logger } from '../../../mcdsl/logging/index.ts';
import type { LoopDelay } from '../../../mcdsl/metrics/index.ts';
import type { BackendState } from '../../proxy/backends/index.ts';
import type { ListenEndpoint } from '../../native/native.ts';
import {
  mergePages,
  type ConnectionFilter,
  type ConnectionPage,
  type ConnectionView,
} from '../../proxy/connections.ts';
import { allocateGauges, clearGauges, createGauges, type ConnectionGauges } from '../../proxy/gauges.ts';
import type { ProxySnapshot, SnapshotChange } from '../../proxy/model.ts';
import { Tally, type TallySnapshot } from '../metrics/tally.ts';
import { CallChannel } from './call-channel.ts';
import type { AccessLogSettings, BoundAddress, FromWorker, ReportBatch, WorkerFigures } from './messages.ts';

export interface WorkerPool extends AsyncDisposable {
  readonly size: number;
  readonly engine: 'native' | 'portable';
  /** Why it is the portable one; else empty. */
  readonly engineNote: string;
  readonly gauges: ConnectionGauges;
  /** Workers that crashed and were replaced since the start. */
  readonly crashes: number;
  /** Binds on every worker (an inherited fd of the portable engine: on the first). Rejects, with nothing left bound, when one of them can't. */
  listen(addr: string, endpoint: ListenEndpoint, gauge: number): Promise<BoundAddress>;
  unlisten(addr: string): Promise<void>;
  /** Resolves when every worker decides by the changes. */
  publish(generation: number, changes: readonly SnapshotChange[]): Promise<void>;
  setAccessLog(settings: AccessLogSettings): Promise<void>;
  /** Counted by all workers since the start, those that crashed included; the delays of those that run. */
  figures(): Promise<PoolFigures>;
  connections(filter: ConnectionFilter): Promise<ConnectionPage>;
  /** Resolves with the connection as it was, or with null when no worker has one of that id. */
  killConnection(id: string): Promise<ConnectionView | null>;
  drain(): Promise<void>;
  kill(): Promise<void>;
}

export interface PoolFigures {
  readonly tally: TallySnapshot;
  readonly loopDelays: readonly { readonly worker: number; readonly delay: LoopDelay | null }[];
  /** Of all workers that run; a backend stands there once for each of them that has tried it. */
  readonly backends: readonly BackendState[];
  /** Sums over the workers, by queue. */
  readonly queues: ReadonlyMap<string, number>;
}

export interface WorkerPoolOptions {
  readonly size: number;
  readonly processMax: number;
  readonly limiter: SharedArrayBuffer;
  readonly accessLog: AccessLogSettings;
  readonly logger: Logger;
  /** The program of a worker; another one only in tests. */
  readonly program?: URL;
  /** What a worker that starts (or replaces a crashed one) begins with. */
  snapshot(): ProxySnapshot;
  reports(batch: ReportBatch): void;
  crashed(worker: number, error: string): void;
  /** An inherited socket went with the worker that had it: only the service manager has another. */
  lost(addr: string): void;
}

interface Member {
  readonly index: number;
  readonly worker: Worker;
  readonly calls: CallChannel;
  readonly ready: Promise<Ready>;
  /** The last figures it gave; they stay counted when it crashes. */
  last: WorkerFigures | null;
}

interface Bound {
  readonly endpoint: ListenEndpoint;
  readonly gauge: number;
  readonly address: BoundAddress;
}

type Ready = Extract<FromWorker, { kind: 'ready' }>;

const PORTABLE: Pick<Ready, 'engine' | 'note'> = { engine: 'portable', note: '' };

/**
 * The worker that listens on inherited sockets with the portable engine: Node can't duplicate a descriptor, and one that is closed is
 * closed for all. With the native engine each worker has a duplicate.
 */
const INHERITOR = 0;
const RESTART_DELAY_MS = 100;
const MAX_RESTART_DELAY_MS = 5000;
/** A worker that lived so long had started well: the delay of its replacement begins anew. */
const STABLE_MS = 30_000;
/** Also bounds what a crash loses of the figures. */
const COLLECT_MS = 5000;
const LAST_REPORTS_MS = 200;

export async function createWorkerPool(options: WorkerPoolOptions): Promise<WorkerPool> {
  const { logger } = options;
  const gaugeCells = allocateGauges(options.size);
  const members = new Map<number, Member>();
  const bound = new Map<string, Bound>();
  const retired = new Tally();
  let accessLog = options.accessLog;
  let closing = false;
  let draining = false;
  let crashes = 0;

  function spawn(index: number, restartDelayMs: number): Member {
    const worker = new Worker(options.program ?? new URL('./worker-thread.ts', import.meta.url), {
      name: `mc-proxy-${index}`,
      workerData: {
        index,
        snapshot: options.snapshot(),
        gauges: gaugeCells,
        limiter: options.limiter,
        processMax: options.processMax,
        accessLog,
      },
    });
    const calls = new CallChannel(worker);
    const startedAt = Date.now();
    const ready = new Promise<Ready>((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'ready') resolve(message);
        else if (message.kind === 'reports') options.reports(JSON.parse(message.json) as ReportBatch);
        else calls.settle(message);
      });
      worker.once('exit', () => reject(new Error(`worker ${index} ended while starting`)));
    });
    const member: Member = { index, worker, calls, ready, last: null };
    let cause = 'it exited';
    worker.on('error', (error) => (cause = error instanceof Error ? (error.stack ?? error.message) : String(error)));
    worker.once('exit', () => {
      calls.end();
      clearGauges(gaugeCells, index);
      if (member.last) retired.merge(member.last.tally);
      if (closing || members.get(index) !== member) return;
      crashes++;
      options.crashed(index, cause);
      logger.error('a worker crashed; its connections are lost, it is being replaced', { worker: index, cause });
      const delayMs = Date.now() - startedAt > STABLE_MS ? RESTART_DELAY_MS : restartDelayMs;
      void replace(index, delayMs);
    });
    members.set(index, member);
    return member;
  }

  async function replace(index: number, delayMs: number): Promise<void> {
    await delay(delayMs);
    if (closing || draining) return;
    const member = spawn(index, Math.min(delayMs * 2, MAX_RESTART_DELAY_MS));
    try {
      await member.ready;
      for (const [addr, { endpoint, gauge, address }] of bound) {
        if (endpoint.kind === 'tcp') await listenOn(member, addr, { ...endpoint, port: address.port }, gauge);
        else if (engine === 'native') await listenOn(member, addr, endpoint, gauge);
        else if (index === INHERITOR) options.lost(addr);
      }
    } catch (error) {
      // A member that ended has begun its own replacement; one that can't listen is ended, so that it gets one.
      logger.error('the replacement of a worker failed', { worker: index, err: error });
      await member.worker.terminate();
    }
  }

  function listenOn(member: Member, addr: string, endpoint: ListenEndpoint, gauge: number): Promise<BoundAddress> {
    return member.calls.call('listen', { addr, endpoint, gauge });
  }

  /** Calls every live worker. One that ends meanwhile has nothing left to be told: its successor starts from the new snapshot. */
  async function everyone(call: (member: Member) => Promise<unknown>): Promise<void> {
    const outcomes = await Promise.allSettled([...members.values()].map(call));
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected' && !isEnded(outcome.reason)) throw outcome.reason;
    }
  }

  async function collect(): Promise<void> {
    await everyone(async (member) => {
      member.last = await member.calls.call('collect', null);
    });
  }

  for (let index = 0; index < options.size; index++) spawn(index, RESTART_DELAY_MS);
  const [{ engine, note } = PORTABLE] = await Promise.all([...members.values()].map((member) => member.ready));
  const collecting = setInterval(() => {
    collect().catch((error: unknown) => logger.error('collecting the figures of the workers failed', { err: error }));
  }, COLLECT_MS);

  return {
    size: options.size,
    engine,
    engineNote: note,
    gauges: createGauges(gaugeCells, 0, options.processMax),
    get crashes() {
      return crashes;
    },
    async listen(addr, endpoint, gauge) {
      const first = members.get(INHERITOR);
      if (!first) throw new Error('no worker is running');
      const address = await listenOn(first, addr, endpoint, gauge);
      bound.set(addr, { endpoint, gauge, address });
      if (endpoint.kind === 'fd' && engine === 'portable') return address;
      // Port 0: the first worker's choice holds for the others.
      const same = endpoint.kind === 'fd' ? endpoint : { ...endpoint, port: address.port };
      try {
        await everyone((member) => listenOn(member, addr, same, gauge));
      } catch (error) {
        bound.delete(addr);
        await everyone((member) => member.calls.call('unlisten', { addr }));
        throw error;
      }
      return address;
    },
    async unlisten(addr) {
      bound.delete(addr);
      await everyone((member) => member.calls.call('unlisten', { addr }));
    },
    publish: (generation, changes) => everyone((member) => member.calls.call('changes', { generation, changes })),
    async setAccessLog(settings) {
      accessLog = settings;
      await everyone((member) => member.calls.call('accessLog', settings));
    },
    async figures() {
      await collect();
      const tally = new Tally();
      tally.merge(retired.snapshot());
      const loopDelays = [];
      const backends: BackendState[] = [];
      const queues = new Map<string, number>();
      for (const { index, last } of members.values()) {
        if (!last) continue;
        tally.merge(last.tally);
        loopDelays.push({ worker: index, delay: last.loopDelay });
        backends.push(...last.backends);
        for (const [queue, waiting] of Object.entries(last.queues))
          queues.set(queue, (queues.get(queue) ?? 0) + waiting);
      }
      return { tally: tally.snapshot(), loopDelays, backends, queues };
    },
    async connections(filter) {
      const pages: ConnectionPage[] = [];
      await everyone(async (member) => pages.push(await member.calls.call('connections', filter)));
      return mergePages(pages, filter.limit);
    },
    async killConnection(id) {
      let killed: ConnectionView | null = null;
      await everyone(async (member) => {
        killed = (await member.calls.call('killConnection', { id })) ?? killed;
      });
      return killed;
    },
    async drain() {
      draining = true;
      await everyone((member) => member.calls.call('drain', null));
    },
    kill: () => everyone((member) => member.calls.call('kill', null)),
    async [Symbol.asyncDispose]() {
      clearInterval(collecting);
      // The last lines of the access log; a worker that hangs must not keep the process.
      await Promise.race([everyone((member) => member.calls.call('collect', null)), delay(LAST_REPORTS_MS)]);
      closing = true;
      await Promise.all([...members.values()].map((member) => member.worker.terminate()));
    },
  };
}

function isEnded(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'WORKER_ENDED';
}
