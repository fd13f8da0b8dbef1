/** How fast one address may try: `burst` at once, then `perMinute`. */
export interface BucketRate {
  readonly perMinute: number;
  readonly burst: number;
}

/** What is left, as of `at` (milliseconds since the epoch). */
export interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

export type BucketAnswer = { readonly kind: 'taken' } | { readonly kind: 'empty'; readonly retryAfterMs: number };

export interface BucketStep {
  readonly state: Bucket;
  readonly answer: BucketAnswer;
}

/** Takes one token: (state, now) → (state, answer). A refused try takes nothing. A clock that was set back fills nothing. */
export function takeToken(state: Bucket | null, rate: BucketRate, now: number): BucketStep {
  const tokens = refilled(state, rate, now);
  if (tokens >= 1) return { state: { tokens: tokens - 1, at: now }, answer: { kind: 'taken' } };
  const retryAfterMs = Math.ceil(((1 - tokens) * 60_000) / rate.perMinute);
  return { state: { tokens, at: now }, answer: { kind: 'empty', retryAfterMs } };
}

/** Whether it is full again, and so not worth remembering. */
export function isFull(state: Bucket, rate: BucketRate, now: number): boolean {
  return refilled(state, rate, now) >= rate.burst;
}

function refilled(state: Bucket | null, rate: BucketRate, now: number): number {
  if (state === null) return rate.burst;
  const elapsedMs = Math.max(0, now - state.at);
  return Math.min(rate.burst, state.tokens + (elapsedMs * rate.perMinute) / 60_000);
}
