import type { Reader } from '../../../mcdsl/database/index.ts';
import { toPage, type Page, type PageRequest } from '../store/index.ts';
import type { ChainedRow } from './chain.ts';
import type { ActorKind, AuditDetails, AuditEvent, StoredAuditEntry } from './entry.ts';

/** Null where everything is wanted. Times in milliseconds, `since` included, `until` not. */
export type AuditFilter = {
  readonly since: number | null;
  readonly until: number | null;
  /** Names of one account, the former ones too: entries in which it acted or something happened to it. */
  readonly names: readonly string[] | null;
  readonly event: string | null;
};

export const everything: AuditFilter = { since: null, until: null, names: null, event: null };

const where = `(@since IS NULL OR at >= @since) AND (@until IS NULL OR at < @until) AND (@event IS NULL OR event = @event)
  AND (@names IS NULL OR target IN (SELECT value FROM json_each(@names)) OR actor IN (SELECT value FROM json_each(@names)))`;

/** Newest first. */
export function listAudit(reader: Reader, filter: AuditFilter, { limit, cursor }: PageRequest): Page<StoredAuditEntry> {
  const below = cursor === null ? Number.MAX_SAFE_INTEGER : Number(cursor);
  const rows = reader.all<ChainedRow>(
    `SELECT * FROM audit WHERE seq < @below AND ${where} ORDER BY seq DESC LIMIT @limit`,
    { ...params(filter), below, limit: limit + 1 },
  );
  return toPage(rows, limit, ({ seq }) => String(seq), toEntry);
}

/** Oldest first, those after an entry: what a follower asks for again and again. */
export function auditAfter(
  reader: Reader,
  filter: AuditFilter,
  seq: number,
  limit: number,
): readonly StoredAuditEntry[] {
  const rows = reader.all<ChainedRow>(`SELECT * FROM audit WHERE seq > @seq AND ${where} ORDER BY seq LIMIT @limit`, {
    ...params(filter),
    seq,
    limit,
  });
  return rows.map(toEntry);
}

/** 0 in an empty log. */
export function lastAuditSeq(reader: Reader): number {
  return reader.get<{ seq: number | null }>('SELECT max(seq) AS seq FROM audit')?.seq ?? 0;
}

function params({ since, until, names, event }: AuditFilter) {
  return { since, until, event, names: names === null ? null : JSON.stringify(names) };
}

function toEntry(row: ChainedRow): StoredAuditEntry {
  return {
    seq: row.seq,
    at: row.at,
    actor: row.actor,
    actorKind: row.actor_kind as ActorKind,
    event: row.event as AuditEvent,
    target: row.target,
    service: row.service,
    ip: row.ip,
    reason: row.reason as StoredAuditEntry['reason'],
    requestId: row.request_id,
    details: JSON.parse(row.details) as AuditDetails,
    hash: Buffer.from(row.hash).toString('hex'),
  };
}
