export interface RateLimitSettings {
  /** Connections per address prefix and window; 0: off. */
  readonly limit: number;
  readonly windowMs: number;
}

export type RateLimitParse = { ok: true; value: RateLimitSettings } | { ok: false; reason: string };

export const MAX_RATE_LIMIT = 1_000_000;
export const MIN_RATE_WINDOW_MS = 100;
export const MAX_RATE_WINDOW_MS = 86_400_000;

export function parseRateLimit({ limit, windowMs }: RateLimitSettings): RateLimitParse {
  if (!Number.isInteger(limit) || limit < 0 || limit > MAX_RATE_LIMIT) {
    return { ok: false, reason: `the limit ${limit} is not a whole number from 0 (off) to ${MAX_RATE_LIMIT}` };
  }
  if (!Number.isInteger(windowMs) || windowMs < MIN_RATE_WINDOW_MS || windowMs > MAX_RATE_WINDOW_MS) {
    return { ok: false, reason: `the window of ${windowMs} ms is not from 100 ms to 24 hours` };
  }
  return { ok: true, value: { limit, windowMs } };
}
