import type { Reader, Writer } from '../../../mcdsl/database/index.ts';

/** The keys of the table meta, and what their values say. */
export type MetaKey =
  /** Of the master key that the sealed columns are under. */
  | 'master_key_id'
  /** The relying party that passkeys were registered for. */
  | 'rp_id'
  | 'policy_revision'
  /** Hash of the last audit entry, in hex. */
  | 'audit_hash'
  /** Sequence number of the last audit entry that was pruned. */
  | 'audit_pruned_to';

export function readMeta(reader: Reader, key: MetaKey): string | null {
  return reader.get<{ value: string }>('SELECT value FROM meta WHERE key = ?', [key])?.value ?? null;
}

export function writeMeta(writer: Writer, key: MetaKey, value: string, now: number): void {
  writer.run(
    'INSERT INTO meta (key, value, created_at) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, created_at = excluded.created_at',
    [key, value, now],
  );
}

/** When the value was written. */
export function metaSince(reader: Reader, key: MetaKey): number | null {
  return reader.get<{ created_at: number }>('SELECT created_at FROM meta WHERE key = ?', [key])?.created_at ?? null;
}
