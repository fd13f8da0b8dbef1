import type { Writer } from '../../../mcdsl/database/index.ts';
import { touchSession, type SessionTimes } from '../sessions/index.ts';

/**
 * Uses of tokens and sessions, noted in memory and written together: a validate must not wait for the disk. A kill loses what was
 * noted since the last `flush`, which shortens an idle time by that much. Bound: `capacity` of each; more than that are not noted.
 */
export type Activity = {
  note(use: { readonly tokenId: string | null; readonly sessionId: string | null }, now: number): void;
  /** Writes what was noted. Returns how many rows it touched. */
  flush(writer: Writer, times: SessionTimes): number;
  readonly pending: number;
};

const hourMs = 3_600_000;

export function createActivity(capacity = 20_000): Activity {
  const tokens = new Map<string, number>();
  const sessions = new Map<string, number>();
  const put = (map: Map<string, number>, key: string | null, at: number): void => {
    if (key !== null && (map.size < capacity || map.has(key))) map.set(key, at);
  };
  return {
    note({ tokenId, sessionId }, now) {
      put(tokens, tokenId, now - (now % hourMs));
      put(sessions, sessionId, now);
    },
    flush(writer, times) {
      let touched = 0;
      for (const [id, hour] of tokens) {
        touched += writer.run('UPDATE tokens SET last_used_at = ? WHERE id = ? AND last_used_at IS NOT ?', [
          hour,
          id,
          hour,
        ]).changes;
      }
      for (const [id, at] of sessions) touchSession(writer, id, times, at);
      touched += sessions.size;
      tokens.clear();
      sessions.clear();
      return touched;
    },
    get pending() {
      return tokens.size + sessions.size;
    },
  };
}
