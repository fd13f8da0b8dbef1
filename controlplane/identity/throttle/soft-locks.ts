import type { Reader, Writer } from '../../../mcdsl/database/index.ts';
import { softLock, type SoftLock, type SoftLockAnswer } from './soft-lock.ts';

/**
 * The soft locks of all names, known or not, in the table throttle: they survive a restart. Names are normalised before they come
 * here, so that no spelling has a counter of its own.
 */
export interface SoftLocks {
  /** Whether a try may go on. Changes nothing: a refused try neither hashes nor counts. */
  check(reader: Reader, name: string, now: number): SoftLockAnswer;
  /** Counts a wrong password, and says how long the name rests. */
  fail(writer: Writer, name: string, now: number): SoftLockAnswer;
  /** A complete login, or an admin's unlock. True when there was something to forget. */
  reset(writer: Writer, name: string): boolean;
  /** Removes rows of past days, a thousand at most; returns how many. */
  prune(writer: Writer, now: number): number;
  stats(reader: Reader): SoftLockStats;
}

export interface SoftLockStats {
  readonly rows: number;
  readonly capacity: number;
  /** Since the start. */
  readonly evictions: number;
}

interface Row {
  readonly failures: number;
  readonly first_at: number;
  readonly locked_until: number;
}

const dayMs = 86_400_000;
const pruneAtOnce = 1_000;

/**
 * Bound: `capacity` rows. When it is full, rows of past days leave first, then the row whose lock ended longest ago; where all are
 * locked, the one whose lock ends first. Cost: one ordered read of the index on locked_until.
 */
export function createSoftLocks(capacity = 100_000): SoftLocks {
  let evictions = 0;

  function makeRoom(writer: Writer, now: number): void {
    if (count(writer) < capacity || prune(writer, now) > 0) return;
    evictions += writer.run(
      `DELETE FROM throttle WHERE kind = 'name' AND key =
         (SELECT key FROM throttle WHERE kind = 'name' ORDER BY locked_until LIMIT 1)`,
    ).changes;
  }

  return {
    check: (reader, name, now) => softLock(read(reader, name), 'try', now).answer,

    fail(writer, name, now) {
      const before = read(writer, name);
      const { state, answer } = softLock(before, 'failure', now);
      if (before === null) makeRoom(writer, now);
      if (state !== null) write(writer, name, state, now);
      return answer;
    },

    reset: (writer, name) => writer.run(`DELETE FROM throttle WHERE kind = 'name' AND key = ?`, [name]).changes > 0,

    prune,

    stats: (reader) => ({ rows: count(reader), capacity, evictions }),
  };
}

function prune(writer: Writer, now: number): number {
  return writer.run(
    `DELETE FROM throttle WHERE kind = 'name' AND key IN
       (SELECT key FROM throttle WHERE kind = 'name' AND locked_until < @today ORDER BY locked_until LIMIT @most)`,
    { today: now - (now % dayMs), most: pruneAtOnce },
  ).changes;
}

function read(reader: Reader, name: string): SoftLock | null {
  const row = reader.get<Row>(`SELECT failures, first_at, locked_until FROM throttle WHERE kind = 'name' AND key = ?`, [
    name,
  ]);
  return row === null ? null : { failures: row.failures, firstAt: row.first_at, lockedUntil: row.locked_until };
}

function write(writer: Writer, name: string, state: SoftLock, now: number): void {
  writer.run(
    `INSERT INTO throttle (kind, key, failures, first_at, locked_until, created_at)
     VALUES ('name', @name, @failures, @firstAt, @lockedUntil, @now)
     ON CONFLICT (kind, key) DO UPDATE SET
       failures = excluded.failures, first_at = excluded.first_at, locked_until = excluded.locked_until`,
    { name, failures: state.failures, firstAt: state.firstAt, lockedUntil: state.lockedUntil, now },
  );
}

/** Cost: one pass over an index of at most `capacity` rows, a millisecond; asked only when a new name fails. */
function count(reader: Reader): number {
  return reader.get<{ n: number }>(`SELECT count(*) AS n FROM throttle WHERE kind = 'name'`)?.n ?? 0;
}
