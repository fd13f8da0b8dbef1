import type { Account } from '../accounts/index.ts';

/** How somebody proved who they are (RFC 8176). */
export type Method = 'pwd' | 'otp' | 'pop' | 'user' | 'mfa';

/** Where a try comes from, and what for: the address counts, the rest is for the audit log. */
export interface Origin {
  readonly ip: string;
  readonly requestId: string;
  /** The service that is logged into. */
  readonly service: string;
}

export interface PasswordAttempt {
  readonly username: string;
  readonly password: string;
  /** Given along with the password, or null to be asked for it. */
  readonly secondFactor: CodeProof | null;
}

export type CodeProof =
  { readonly kind: 'totp'; readonly code: string } | { readonly kind: 'recovery'; readonly code: string };

/** `ticket` is null where the challenge is bound to another one that was sent along. */
export interface PasskeyResponse {
  readonly kind: 'passkey';
  readonly ticket: string | null;
  readonly response: unknown;
}

/** The credentials are good. Whether policy lets the account in is asked next, and not before. */
export interface Verified {
  readonly kind: 'verified';
  readonly account: Account;
  readonly amr: readonly Method[];
}

export interface SecondFactorMissing {
  readonly kind: 'second_factor_missing';
  readonly account: Account;
  readonly methods: readonly ('totp' | 'passkey' | 'recovery_code')[];
}

export const amrOf = {
  password: ['pwd'],
  passwordAndCode: ['pwd', 'otp', 'mfa'],
  passwordAndPasskey: ['pwd', 'pop', 'user', 'mfa'],
  passkey: ['pop', 'user', 'mfa'],
} as const satisfies Record<string, readonly Method[]>;
