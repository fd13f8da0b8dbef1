export { requireAdmission } from './admission.ts';
export type {
  CodeProof,
  Method,
  Origin,
  PasskeyResponse,
  PasswordAttempt,
  SecondFactorMissing,
  Verified,
} from './attempt.ts';
export { beginSession } from './begin-session.ts';
export type { SessionStart } from './begin-session.ts';
export { createLogin } from './login.ts';
export type { Login, LoginOptions, Resumed } from './login.ts';
export { createStepUp } from './step-up.ts';
export type { StepUp, SteppingSession } from './step-up.ts';
