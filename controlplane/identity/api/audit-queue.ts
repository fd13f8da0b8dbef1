import type { Logger } from '../../../mcdsl/logging/index.ts';
import { appendFailure, type AuditEntry } from '../audit/index.ts';
import type { Store } from '../store/index.ts';

/**
 * Audit entries of validate, which must not wait for the disk: kept in memory and written together. Bound: `capacity`; what comes on
 * top is dropped and counted, as is what cannot be written. A kill loses what waits, a second's worth.
 */
export type AuditQueue = {
  add(entry: AuditEntry, now: number): void;
  /** Writes what waits, in one transaction. */
  flush(): void;
  stats(): { readonly waiting: number; readonly dropped: number };
};

export function createAuditQueue(store: Pick<Store, 'change'>, logger: Logger, capacity = 10_000): AuditQueue {
  let waiting: { readonly entry: AuditEntry; readonly now: number }[] = [];
  let dropped = 0;
  return {
    add(entry, now) {
      if (waiting.length < capacity) waiting.push({ entry, now });
      else dropped++;
    },
    flush() {
      if (waiting.length === 0) return;
      const batch = waiting;
      waiting = [];
      try {
        store.change((writer) => {
          for (const { entry, now } of batch) appendFailure(writer, entry, now);
        });
      } catch (err) {
        dropped += batch.length;
        logger.error('refused tokens could not be audited', { entries: batch.length, err });
      }
    },
    stats: () => ({ waiting: waiting.length, dropped }),
  };
}
