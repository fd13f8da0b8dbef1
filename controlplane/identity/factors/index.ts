export { completeMfa, failMfa, maxMfaTries, readMfa } from './mfa-tickets.ts';
export type { PendingLogin } from './mfa-tickets.ts';
export { createRecoveryCodes, recoveryCodeCount } from './recovery-codes.ts';
export type { RecoveryAnswer, RecoveryCodes } from './recovery-codes.ts';
export { createTotpFactors } from './totp-factors.ts';
export type { TotpEnrollment, TotpFactors, TotpOptions } from './totp-factors.ts';
export type { TotpAnswer } from './totp.ts';
export { hasSecondFactor, readWays, requireEnrolled, requireWayIn, secondFactorMethods } from './ways.ts';
export type { Ways } from './ways.ts';
export {
  createPasskeyAuthentication,
  createPasskeyRegistration,
  listPasskeys,
  removePasskey,
  renamePasskey,
  acceptRpIdChange,
  settleRpId,
} from './webauthn/index.ts';
export type {
  NewPasskey,
  Passkey,
  PasskeyAnswer,
  PasskeyAuthentication,
  PasskeyOptions,
  PasskeyProof,
  PasskeyPurpose,
  PasskeyRegistration,
  Registrant,
  RelyingParty,
} from './webauthn/index.ts';
