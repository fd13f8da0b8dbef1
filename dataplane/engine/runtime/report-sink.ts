import type { Logger } from '../../../mcdsl/logging/index.ts';
import type { Refusal, RelayRecord, RequestRecord } from '../../proxy/report.ts';
import type { EventLog } from '../events/index.ts';
import type { ReportBatch } from '../worker/messages.ts';

/** Where the workers' reports end: refusals in the log and the event stream, the access log, failures. */
export interface ReportSink {
  take(batch: ReportBatch): void;
  /** Reports that never came because too many did at once. */
  readonly dropped: number;
}

export function createReportSink(logger: Logger, events: EventLog): ReportSink {
  let dropped = 0;
  return {
    get dropped() {
      return dropped;
    },
    take(batch) {
      for (const refusal of batch.refusals) {
        logger.warn('refused', refusalFields(refusal));
        events.record({
          kind: 'refused',
          reason: refusal.reason,
          listener: refusal.listener,
          client: refusal.clientIp,
          peer: refusal.peerIp,
          sni: refusal.sni,
          route: refusal.route,
          rule: refusal.rule,
          detail: refusal.detail,
          connectionId: refusal.connectionId,
          droppedBefore: batch.dropped,
        });
      }
      for (const record of batch.relays) logger.info('connection', relayFields(record));
      for (const record of batch.requests) logger.info('request', requestFields(record));
      for (const { what, error } of batch.failures) logger.error('failure in a worker', { what, error });
      if (batch.dropped === 0) return;
      dropped += batch.dropped;
      logger.warn('reports were dropped because too many came at once; the metrics count them all', {
        dropped: batch.dropped,
      });
    },
  };
}

function refusalFields(refusal: Refusal): Record<string, string> {
  const { reason, rule, detail, listener, clientIp, peerIp, sni, route, connectionId } = refusal;
  // A flood makes many of these: no spreads.
  const fields: Record<string, string> = { reason, listener, client: clientIp };
  if (peerIp !== clientIp) fields['peer'] = peerIp;
  if (sni !== '') fields['sni'] = sni;
  if (route !== '') fields['route'] = route;
  if (rule !== '') fields['rule'] = rule;
  if (detail !== '') fields['detail'] = detail;
  fields['id'] = connectionId;
  return fields;
}

function relayFields({ connection, ...record }: RelayRecord): Record<string, unknown> {
  return {
    id: connection.id,
    ...(connection.viaId === null ? {} : { via: connection.viaId }),
    started: new Date(connection.acceptedAt).toISOString(),
    listener: connection.listener,
    client: connection.clientIp,
    ...(connection.peerIp === connection.clientIp ? {} : { peer: connection.peerIp }),
    sni: connection.sni ?? '',
    route: record.route,
    backend: record.backend,
    duration_ms: record.durationMs,
    bytes_up: record.bytesUp,
    bytes_down: record.bytesDown,
    end: record.end,
  };
}

function requestFields({ connection, ...record }: RequestRecord): Record<string, unknown> {
  return {
    id: connection.id,
    ...(connection.viaId === null ? {} : { via: connection.viaId }),
    request: record.requestId,
    listener: connection.listener,
    client: connection.clientIp,
    ...(connection.peerIp === connection.clientIp ? {} : { peer: connection.peerIp }),
    sni: connection.sni ?? '',
    route: record.route,
    backend: record.backend,
    protocol: record.protocol,
    method: record.method,
    host: record.host,
    path: record.path,
    agent: record.userAgent,
    status: record.status,
    duration_ms: record.durationMs,
    bytes_up: record.bytesUp,
    bytes_down: record.bytesDown,
    ...(record.reason === null ? {} : { reason: record.reason }),
  };
}
