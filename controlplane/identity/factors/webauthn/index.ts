export { createPasskeyAuthentication } from './authentication.ts';
export type { PasskeyAnswer, PasskeyAuthentication, PasskeyProof, PasskeyPurpose } from './authentication.ts';
export { listPasskeys, removePasskey, renamePasskey } from './passkeys.ts';
export type { Passkey } from './passkeys.ts';
export { createPasskeyRegistration } from './registration.ts';
export type { NewPasskey, PasskeyOptions, PasskeyRegistration, Registrant } from './registration.ts';
export { acceptRpIdChange, settleRpId } from './relying-party.ts';
export type { RelyingParty } from './relying-party.ts';
