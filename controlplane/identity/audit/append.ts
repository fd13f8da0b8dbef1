import type { Reader, Writer } from '../../../mcdsl/database/index.ts';
import { readMeta, writeMeta } from '../store/index.ts';
import { entryHash, noHash, type AuditRow } from './chain.ts';
import { serverSource, type AuditEntry } from './entry.ts';

/** Writes an entry in the transaction of the change that it records: they are on the disk together, or neither is. */
export function appendAudit(writer: Writer, entry: AuditEntry, now: number): number {
  const last = writer.get<{ seq: number; hash: Uint8Array }>('SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1');
  const row: AuditRow = {
    seq: (last?.seq ?? lastPruned(writer)) + 1,
    at: now,
    actor: entry.actor,
    actor_kind: entry.actorKind,
    event: entry.event,
    target: entry.target,
    service: entry.service,
    ip: entry.ip,
    reason: entry.reason,
    request_id: entry.requestId,
    details: JSON.stringify(entry.details),
  };
  const prevHash = last?.hash ?? noHash;
  const hash = entryHash(prevHash, row);
  writer.run(
    `INSERT INTO audit (seq, at, actor, actor_kind, event, target, service, ip, reason, request_id, details, prev_hash, hash)
     VALUES (@seq, @at, @actor, @actor_kind, @event, @target, @service, @ip, @reason, @request_id, @details, @prevHash, @hash)`,
    { ...row, prevHash, hash },
  );
  writeMeta(writer, 'audit_hash', hash.toString('hex'), now);
  return row.seq;
}

const pruneAtOnce = 5_000;

/**
 * Removes entries from the start of the log that are older than `before`, and leaves a checkpoint entry that says how far it went
 * and with which hash. The last entry always stays. Returns how many were removed; call again when it was `atOnce`.
 */
export function pruneAudit(writer: Writer, before: number, now: number, atOnce: number = pruneAtOnce): number {
  const bounds = writer.get<{ first: number | null; last: number | null; kept: number | null }>(
    'SELECT min(seq) AS first, max(seq) AS last, (SELECT min(seq) FROM audit WHERE at >= ?) AS kept FROM audit',
    [before],
  );
  if (!bounds || bounds.first === null || bounds.last === null) return 0;
  const { first, last, kept } = bounds;
  const prunedTo = Math.min((kept ?? last) - 1, first + atOnce - 1);
  const edge = writer.get<{ hash: Uint8Array }>('SELECT hash FROM audit WHERE seq = ?', [prunedTo]);
  if (prunedTo < first || edge === null) return 0;
  writeMeta(writer, 'audit_pruned_to', String(prunedTo), now);
  const { changes } = writer.run('DELETE FROM audit WHERE seq <= ?', [prunedTo]);
  const details = { pruned_to: prunedTo, pruned_hash: Buffer.from(edge.hash).toString('hex'), entries: changes };
  appendAudit(writer, { ...serverSource, event: 'audit.pruned', target: '', service: '', reason: '', details }, now);
  return changes;
}

function lastPruned(reader: Reader): number {
  return Number(readMeta(reader, 'audit_pruned_to') ?? 0);
}
