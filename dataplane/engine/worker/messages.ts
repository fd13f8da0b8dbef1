import type { LoopDelay } from '../../../mcdsl/metrics/index.ts';
import type { ListenEndpoint } from '../../native/native.ts';
import type { BackendState } from '../../proxy/backends/index.ts';
import type { ConnectionFilter, ConnectionPage, ConnectionView } from '../../proxy/connections.ts';
import type { ProxySnapshot, SnapshotChange } from '../../proxy/model.ts';
import type { Refusal, RelayRecord, RequestRecord } from '../../proxy/report.ts';
import type { TallySnapshot } from '../metrics/tally.ts';

/** The contract between main thread and worker. Each request is answered by one `answer` or `failure` with its `seq`. */

export interface WorkerBoot {
  readonly index: number;
  readonly snapshot: ProxySnapshot;
  readonly gauges: SharedArrayBuffer;
  readonly limiter: SharedArrayBuffer;
  /** Connections that the whole process may hold. */
  readonly processMax: number;
  readonly accessLog: AccessLogSettings;
}

export interface AccessLogSettings {
  readonly enabled: boolean;
  /** Share of connections and requests that are logged, 0..1. Refusals always are. */
  readonly sample: number;
}

export interface ListenRequest {
  readonly addr: string;
  readonly endpoint: ListenEndpoint;
  /** Column of the listener in the shared gauges. */
  readonly gauge: number;
}

export interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

/** What a worker says of itself at a scrape. */
export interface WorkerFigures {
  readonly tally: TallySnapshot;
  readonly loopDelay: LoopDelay | null;
  readonly backends: readonly BackendState[];
  /** What waits in each of the worker's queues, by the queue's name in the metrics; those of a native reactor belong here too. */
  readonly queues: Readonly<Record<string, number>>;
}

/** Request kinds and what answers them. */
export interface WorkerCalls {
  listen: { request: ListenRequest; answer: BoundAddress };
  unlisten: { request: { readonly addr: string }; answer: null };
  changes: { request: { readonly generation: number; readonly changes: readonly SnapshotChange[] }; answer: null };
  collect: { request: null; answer: WorkerFigures };
  accessLog: { request: AccessLogSettings; answer: null };
  connections: { request: ConnectionFilter; answer: ConnectionPage };
  /** null: the worker has no such connection. */
  killConnection: { request: { readonly id: string }; answer: ConnectionView | null };
  /** Stop accepting; GOAWAY and `Connection: close` on what is open. */
  drain: { request: null; answer: null };
  /** RST to every connection. */
  kill: { request: null; answer: null };
}

export type WorkerCall = keyof WorkerCalls;

export type ToWorker = {
  readonly [Call in WorkerCall]: {
    readonly kind: Call;
    readonly seq: number;
    readonly request: WorkerCalls[Call]['request'];
  };
}[WorkerCall];

export type FromWorker =
  /** `note`: why the engine is the portable one, else empty. */
  | { readonly kind: 'ready'; readonly engine: 'native' | 'portable'; readonly note: string }
  | { readonly kind: 'answer'; readonly seq: number; readonly answer: unknown }
  | { readonly kind: 'failure'; readonly seq: number; readonly message: string; readonly code: string }
  /** A ReportBatch as JSON: a flood of refusals makes large ones, and JSON costs both threads half of a structured clone. */
  | { readonly kind: 'reports'; readonly json: string };

export interface ReportBatch {
  readonly refusals: Refusal[];
  readonly relays: RelayRecord[];
  readonly requests: RequestRecord[];
  readonly failures: { readonly what: string; readonly error: string }[];
  /** Reports that were not kept because more came than a batch holds. They are counted in the metrics all the same. */
  dropped: number;
}
