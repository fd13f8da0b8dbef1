export type { HashGateStats } from './hash-gate.ts';
export { slotsOf } from './hash-gate.ts';
export {
  canonicalPassword,
  checkNewPassword,
  maxPasswordBytes,
  parseBlocklist,
  readBlocklist,
} from './password-rules.ts';
export type { Blocklist, BlocklistRead, PasswordRules } from './password-rules.ts';
export { createPasswords } from './passwords.ts';
export type { NewPassword, Passwords, PasswordSettings, PasswordsOptions, VerifyHooks } from './passwords.ts';
export type { Argon2Params } from './phc.ts';
