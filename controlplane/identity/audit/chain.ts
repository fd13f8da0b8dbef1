import { createHash } from 'node:crypto';

import type { Reader } from '../../../mcdsl/database/index.ts';
import { readMeta } from '../store/index.ts';

/** A row of the table audit. */
export type AuditRow = {
  readonly seq: number;
  readonly at: number;
  readonly actor: string;
  readonly actor_kind: string;
  readonly event: string;
  readonly target: string;
  readonly service: string;
  readonly ip: string;
  readonly reason: string;
  readonly request_id: string;
  readonly details: string;
};

export type ChainedRow = AuditRow & { readonly prev_hash: Uint8Array; readonly hash: Uint8Array };

export type ChainReport =
  | { readonly ok: true; readonly entries: number; readonly firstSeq: number | null; readonly lastSeq: number | null }
  | { readonly ok: false; readonly brokenSeq: number; readonly why: string };

/** What stands before the first entry. */
export const noHash: Buffer = Buffer.alloc(32);

/** SHA-256 over the hash before and every field, in an encoding in which no two entries look alike. */
export function entryHash(prevHash: Uint8Array, row: AuditRow): Buffer {
  const { seq, at, actor, actor_kind, event, target, service, ip, reason, request_id, details } = row;
  return createHash('sha256')
    .update(prevHash)
    .update(JSON.stringify([seq, at, actor, actor_kind, event, target, service, ip, reason, request_id, details]))
    .digest();
}

/**
 * Recomputes the chain. It shows a changed, added or removed entry; who can write the database and compute hashes can forge a whole
 * new chain, so keep the last hash elsewhere (it is in each snapshot) where that matters.
 */
export function verifyAudit(reader: Reader): ChainReport {
  let entries = 0;
  let firstSeq: number | null = null;
  let firstPrevious = noHash;
  let lastSeq = 0;
  let lastHash = noHash;
  let isCheckpointed = false;
  const broken = (brokenSeq: number, why: string): ChainReport => ({ ok: false, brokenSeq, why });

  for (const row of reader.iterate<ChainedRow>('SELECT * FROM audit ORDER BY seq')) {
    const previous = Buffer.from(row.prev_hash);
    if (firstSeq === null) {
      firstSeq = row.seq;
      firstPrevious = previous;
    } else {
      if (row.seq !== lastSeq + 1) return broken(lastSeq + 1, 'the entry is missing');
      if (!previous.equals(lastHash)) return broken(row.seq, 'it does not follow the entry before it');
    }
    lastHash = entryHash(previous, row);
    if (!lastHash.equals(row.hash)) return broken(row.seq, 'its content does not fit its hash');
    isCheckpointed ||= row.event === 'audit.pruned' && isCheckpoint(row.details, firstSeq - 1, firstPrevious);
    lastSeq = row.seq;
    entries++;
  }
  const recorded = readMeta(reader, 'audit_hash');
  if (firstSeq === null) {
    return recorded === null ? { ok: true, entries, firstSeq, lastSeq: null } : broken(1, 'every entry is missing');
  }
  const isStart = firstSeq === 1 && firstPrevious.equals(noHash);
  if (!isStart && !isCheckpointed) return broken(firstSeq - 1, 'entries are missing that no pruning accounts for');
  if (recorded !== lastHash.toString('hex')) return broken(lastSeq + 1, 'the last entries are missing');
  return { ok: true, entries, firstSeq, lastSeq };
}

function isCheckpoint(details: string, prunedTo: number, hash: Buffer): boolean {
  const said = JSON.parse(details) as { pruned_to?: unknown; pruned_hash?: unknown };
  return said.pruned_to === prunedTo && said.pruned_hash === hash.toString('hex');
}
