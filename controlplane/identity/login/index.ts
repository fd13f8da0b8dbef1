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
export { createLogin } from './login.ts';
export type { Login, LoginOptions, Resumed } from './login.ts';
export { createStepUp } from './step-up.ts';
export type { StepUp, SteppingSession } from './step-up.ts';
