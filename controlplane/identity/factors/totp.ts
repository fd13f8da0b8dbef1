import { createHmac } from 'node:crypto';
import { secretsEqual } from '../../../mcdsl/secrets/index.ts';
import { totpLock, type TotpLock } from '../throttle/index.ts';

/** TOTP of RFC 6238 in the one form that every app reads: SHA-1, six digits, 30 s. */
export const totpSecretBytes = 20;
const stepMs = 30_000;
const digits = 6;

/** What is remembered of an account's TOTP between two tries. */
export interface TotpState extends TotpLock {
  /** The step of the last code that was accepted; 0 when there was none. */
  readonly lastStep: number;
}

export type TotpAnswer =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly reason: 'totp_malformed' | 'totp_wrong' | 'totp_replay' }
  | { readonly kind: 'locked'; readonly retryAfterMs: number };

export interface TotpCheck {
  readonly code: string;
  readonly secret: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** How many steps a clock may be off, either side: 0 or 1. */
  readonly skew: number;
}

/**
 * One try with a code: (state, code, now) → (state, answer). Its form is checked before anything else; then the lock; then the code
 * against every step of the window, always all of them. A code of a step that was accepted, or of one before it, is a replay.
 */
export function checkTotp(state: TotpState, check: TotpCheck): { state: TotpState; answer: TotpAnswer } {
  const step = totpStep(check.now);
  if (totpLock(state, 'try', step).locked) {
    return { state, answer: { kind: 'locked', retryAfterMs: (step + 1) * stepMs - check.now } };
  }
  const found = isTotpCode(check.code) ? matchingStep(check, step, state.lastStep) : 'malformed';
  if (typeof found === 'number') {
    return { state: { ...state, lastStep: found }, answer: { kind: 'accepted' } };
  }
  const failed = { ...totpLock(state, 'failure', step).state, lastStep: state.lastStep };
  return { state: failed, answer: { kind: 'refused', reason: `totp_${found}` } };
}

export function totpStep(now: number): number {
  return Math.floor(now / stepMs);
}

/** RFC 4226 §5.3 with the step as counter. */
export function totpCode(secret: Uint8Array, step: number, length = digits): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const offset = mac.readUInt8(mac.length - 1) & 15;
  const number = mac.readUInt32BE(offset) & 0x7fffffff;
  return String(number % 10 ** length).padStart(length, '0');
}

/** Six ASCII digits and nothing else. */
export function isTotpCode(text: string): boolean {
  return /^[0-9]{6}$/.test(text);
}

/** The latest step whose code this is, among those not used up. */
function matchingStep(check: TotpCheck, step: number, lastStep: number): number | 'wrong' | 'replay' {
  let found: number | 'wrong' | 'replay' = 'wrong';
  for (let at = step - check.skew; at <= step + check.skew; at++) {
    if (!secretsEqual(totpCode(check.secret, at), check.code)) continue;
    if (at > lastStep) found = at;
    else if (found === 'wrong') found = 'replay';
  }
  return found;
}
