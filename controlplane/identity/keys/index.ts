export { createKeyring, oidcSeries, tokenSeries } from './keyring.ts';
export type { Jwks, Keyring, KeyringOptions, RecordKeyEvents, Signer, Verifier } from './keyring.ts';
export { createMasterKey, credentialName, masterKeyExists, readMasterKeys, writeMasterKeys } from './master-key.ts';
export type { MasterKey, MasterKeyFile, MasterKeySource } from './master-key.ts';
export { initMasterKey, resetMaster, rotateMaster } from './master-rotation.ts';
export type { MasterKeyChange, RotationOptions, RotationStep } from './master-rotation.ts';
export { places } from './places.ts';
export type { Place } from './places.ts';
export { createSealer } from './seal.ts';
export type { Sealer } from './seal.ts';
export { listSigningKeys } from './signing-keys.ts';
export type {
  KeyEvent,
  KeySeries,
  KeyState,
  KeyTimes,
  KeyUse,
  PublicJwk,
  SigningAlg,
  SigningKey,
} from './signing-keys.ts';
