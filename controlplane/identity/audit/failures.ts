import type { Writer } from '../../../mcdsl/database/index.ts';
import { appendAudit } from './append.ts';
import type { AuditEntry } from './entry.ts';

/** So many equal failures of one minute have an entry of their own; the others become one counted entry. */
export const entriesAMinute = 10;
const windowMs = 60_000;

type RepeatRow = {
  readonly key: string;
  readonly count: number;
  readonly last_at: number;
  readonly created_at: number;
  readonly entry: string;
};

/**
 * Records a failure that anybody can cause as often as they like. Equal ones have the same event, target, address and reason; the
 * counts are in the database, so a crash loses none.
 */
export function appendFailure(writer: Writer, entry: AuditEntry, now: number): void {
  const key = JSON.stringify([entry.event, entry.target, entry.ip, entry.reason]);
  const row = writer.get<RepeatRow>('SELECT * FROM audit_repeats WHERE key = ?', [key]);
  const isRunning = row !== null && isInWindow(row, now);
  if (row !== null && !isRunning) close(writer, row, now);
  const count = isRunning ? row.count + 1 : 1;
  writer.run(
    `INSERT INTO audit_repeats (key, count, last_at, entry, created_at) VALUES (@key, @count, @now, @entry, @now)
     ON CONFLICT (key) DO UPDATE SET count = @count, last_at = @now, entry = @entry`,
    { key, count, now, entry: JSON.stringify(entry) },
  );
  if (count <= entriesAMinute) appendAudit(writer, entry, now);
}

/** Writes the counted entries of minutes that are over; to be called every minute. Returns how many it wrote. */
export function closeFailures(writer: Writer, now: number): number {
  const rows = writer.all<RepeatRow>('SELECT * FROM audit_repeats');
  return rows.filter((row) => !isInWindow(row, now)).filter((row) => close(writer, row, now)).length;
}

function isInWindow({ created_at }: RepeatRow, now: number): boolean {
  return now >= created_at && now < created_at + windowMs;
}

/** True when there was something to count. */
function close(writer: Writer, { key, count, created_at, last_at, entry }: RepeatRow, now: number): boolean {
  writer.run('DELETE FROM audit_repeats WHERE key = ?', [key]);
  if (count <= entriesAMinute) return false;
  const latest = JSON.parse(entry) as AuditEntry;
  const counted = { repeats: count - entriesAMinute, since_ms: created_at, until_ms: last_at };
  appendAudit(writer, { ...latest, details: { ...latest.details, ...counted } }, now);
  return true;
}
