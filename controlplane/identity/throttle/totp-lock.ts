/**
 * The lock of one account's TOTP: three wrong codes in one time step, and no further code is looked at until that step ends. A code
 * that is accepted does not take the count back, or who has one good code could try more wrong ones. A pure state machine; its time
 * is the number of the current step (RFC 6238: seconds since the epoch / 30, rounded down).
 */
export interface TotpLock {
  /** The step in which codes were wrong last. */
  readonly failStep: number;
  readonly failCount: number;
}

export type TotpLockEvent = 'try' | 'failure';

export interface TotpLockStep {
  readonly state: TotpLock;
  readonly locked: boolean;
}

export const maxWrongCodes = 3;

export const noTotpFailures: TotpLock = { failStep: 0, failCount: 0 };

export function totpLock(state: TotpLock, event: TotpLockEvent, step: number): TotpLockStep {
  const failCount = (state.failStep === step ? state.failCount : 0) + (event === 'failure' ? 1 : 0);
  const next = event === 'failure' ? { failStep: step, failCount } : state;
  return { state: next, locked: failCount >= maxWrongCodes };
}
