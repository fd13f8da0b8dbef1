import type { RelayRecord, Reporter, RequestRecord } from '../../proxy/report.ts';
import { LABEL_SEPARATOR, Tally } from '../metrics/tally.ts';
import type { AccessLogSettings, ReportBatch } from './messages.ts';

/** Reports of one kind that a batch holds. */
const MAX_BATCH = 1000;
const FLUSH_MS = 50;
/** A burst of refusals is told whole; a flood that lasts wins neither the main thread nor the disk. The metrics count them all. */
const REFUSALS_PER_MS = 4;

interface ByteKeys {
  readonly up: string;
  readonly down: string;
}

const L4_BYTES: ByteKeys = { up: `l4${LABEL_SEPARATOR}up`, down: `l4${LABEL_SEPARATOR}down` };
const L7_BYTES: ByteKeys = { up: `l7${LABEL_SEPARATOR}up`, down: `l7${LABEL_SEPARATOR}down` };

export interface WorkerReporter extends Reporter {
  readonly tally: Tally;
  /** Reports of the batch that is not sent yet. */
  readonly waiting: number;
  connectFailed(listener: string, route: string, backend: string, isEjected: boolean): void;
  setAccessLog(settings: AccessLogSettings): void;
  flush(): void;
}

/** Counts in this thread and sends reports to the main thread in batches, so that a report costs no message of its own. */
export function createWorkerReporter(
  accessLog: AccessLogSettings,
  send: (reports: ReportBatch) => void,
): WorkerReporter {
  const tally = new Tally();
  let settings = accessLog;
  let batch = emptyBatch();
  let timer: NodeJS.Timeout | null = null;
  let refusalsLeft = MAX_BATCH;
  let refilledAt = 0;
  let last: RequestKey = { route: '', status: 0, protocol: 'http1', key: ['', 0, 'http1'].join(LABEL_SEPARATOR) };

  function flush(): void {
    if (timer) clearTimeout(timer);
    timer = null;
    if (isEmpty(batch)) return;
    send(batch);
    batch = emptyBatch();
  }

  function keep<T>(list: T[], report: T): void {
    if (list.length >= MAX_BATCH) batch.dropped++;
    else list.push(report);
    begin();
  }

  function begin(): void {
    if (timer) return;
    timer = setTimeout(flush, FLUSH_MS);
    const now = Date.now();
    refusalsLeft = Math.min(MAX_BATCH, refusalsLeft + (now - refilledAt) * REFUSALS_PER_MS);
    refilledAt = now;
  }

  const sampled = (): boolean => settings.enabled && (settings.sample >= 1 || Math.random() < settings.sample);

  return {
    tally,
    flush,
    get waiting() {
      return sizeOf(batch);
    },
    connectFailed(listener, route, backend, isEjected) {
      const key = [listener, route, backend].join(LABEL_SEPARATOR);
      tally.add('connectFailures', key);
      if (isEjected) tally.add('ejections', key);
    },
    setAccessLog: (next) => (settings = next),
    accepted: (listener) => tally.add('accepted', listener),
    refused(refusal) {
      tally.add('refused', refusal.reason + LABEL_SEPARATOR + refusal.listener);
      begin();
      if (refusalsLeft < 1) {
        batch.dropped++;
        return;
      }
      refusalsLeft--;
      keep(batch.refusals, refusal);
    },
    relayed(record: RelayRecord) {
      countBytes(L4_BYTES, record);
      tally.add('relays', record.end);
      tally.observe('relaySeconds', '', record.durationMs / 1000);
      if (sampled()) keep(batch.relays, { ...record });
    },
    requested(record: RequestRecord) {
      countBytes(L7_BYTES, record);
      tally.add('requests', requestKey(record));
      tally.observe('requestSeconds', record.protocol, record.durationMs / 1000);
      if (sampled()) keep(batch.requests, record);
    },
    handshaken: (listener, resumed) => tally.add('handshakes', listener + LABEL_SEPARATOR + String(resumed)),
    failed(what, error) {
      tally.add('failures', '');
      keep(batch.failures, { what, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    },
  };

  /** One request is mostly counted like the one before: its key is then at hand, and hashed. */
  function requestKey({ route, status, protocol }: RequestRecord): string {
    if (route !== last.route || status !== last.status || protocol !== last.protocol) {
      last = { route, status, protocol, key: [route, status, protocol].join(LABEL_SEPARATOR) };
    }
    return last.key;
  }

  function countBytes(keys: ByteKeys, record: { bytesUp: number; bytesDown: number }): void {
    tally.add('bytes', keys.up, record.bytesUp);
    tally.add('bytes', keys.down, record.bytesDown);
  }
}

type RequestKey = Pick<RequestRecord, 'route' | 'status' | 'protocol'> & { readonly key: string };

function emptyBatch(): ReportBatch {
  return { refusals: [], relays: [], requests: [], failures: [], dropped: 0 };
}

function isEmpty(batch: ReportBatch): boolean {
  return sizeOf(batch) === 0 && !batch.dropped;
}

function sizeOf({ refusals, relays, requests, failures }: ReportBatch): number {
  return refusals.length + relays.length + requests.length + failures.length;
}
