import { z } from 'zod';

import type { Amr } from '../sessions/index.ts';

/** The claims of a token, as they are signed. Times in seconds. Roles count for nothing at a validate: the database's do. */
export type Claims = {
  readonly iss: string;
  /** The account's id. */
  readonly sub: string;
  readonly aud: readonly string[];
  readonly exp: number;
  readonly iat: number;
  readonly nbf: number;
  readonly jti: string;
  readonly sid?: string | undefined;
  readonly name: string;
  readonly type: 'human' | 'system';
  readonly roles: readonly string[];
  readonly amr: readonly Amr[];
  readonly auth_time: number;
};

const schema = z.strictObject({
  iss: z.string(),
  sub: z.string(),
  aud: z.array(z.string()).min(1),
  exp: z.int(),
  iat: z.int(),
  nbf: z.int(),
  jti: z.string(),
  sid: z.string().optional(),
  name: z.string(),
  type: z.enum(['human', 'system']),
  roles: z.array(z.string()),
  amr: z.array(z.enum(['pwd', 'otp', 'pop', 'user', 'mfa'])),
  auth_time: z.int(),
});

/** Null for claims that mcias does not issue. Only after the signature verified. */
export function parseClaims(value: unknown): Claims | null {
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : null;
}
