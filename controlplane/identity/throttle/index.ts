export { createAddressBuckets } from './address-buckets.ts';
export type { AddressBuckets, AddressBucketStats } from './address-buckets.ts';
export { addressKey } from './address-key.ts';
export type { SoftLockAnswer } from './soft-lock.ts';
export { createSoftLocks } from './soft-locks.ts';
export type { SoftLocks, SoftLockStats } from './soft-locks.ts';
export type { BucketAnswer, BucketRate } from './token-bucket.ts';
export { totpLock } from './totp-lock.ts';
export type { TotpLock, TotpLockEvent, TotpLockStep } from './totp-lock.ts';
