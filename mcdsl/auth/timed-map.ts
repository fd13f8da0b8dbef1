/** A map whose entries end at a time and whose size is bounded; when full, the oldest entry leaves. */
export type TimedMap<V> = {
  /** null when absent or past its end. Cost: one lookup; reading does not reorder. */
  get(key: string, nowMs: number): V | null;
  set(key: string, value: V, endsAtMs: number): void;
  delete(key: string): void;
  clear(): void;
  size(): number;
};

/** For entries that live about equally long, so that the oldest is the one that ends first. */
export function createTimedMap<V>(maxEntries: number): TimedMap<V> {
  const entries = new Map<string, { readonly value: V; readonly endsAtMs: number }>();
  return {
    get(key, nowMs) {
      const entry = entries.get(key);
      if (entry === undefined) return null;
      if (nowMs < entry.endsAtMs) return entry.value;
      entries.delete(key);
      return null;
    },
    set(key, value, endsAtMs) {
      entries.delete(key);
      if (entries.size >= maxEntries) {
        const [oldest] = entries.keys();
        if (oldest !== undefined) entries.delete(oldest);
      }
      entries.set(key, { value, endsAtMs });
    },
    delete: (key) => void entries.delete(key),
    clear: () => entries.clear(),
    size: () => entries.size,
  };
}
