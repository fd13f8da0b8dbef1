import { z } from 'zod';

/** Who calls, as mcias said at the last look. Frozen; roles come from that answer and nowhere else (IA-6). */
export type Principal = {
  readonly accountId: string;
  /** Never changes hands, so services may authorize by it (IA-7). */
  readonly name: string;
  readonly type: 'human' | 'system';
  readonly roles: readonly string[];
  /** null for a system account. */
  readonly sessionId: string | null;
  readonly tokenId: string;
  readonly audience: readonly string[];
  readonly amr: readonly string[];
  readonly authTimeMs: number;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
};

const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

/** A token, as every way to log in or to renew one gives it. */
export const tokenGrant = z
  .object({
    token: z.string(),
    expires_at: time,
    renew_after: time,
    account: z.object({
      id: z.string(),
      name: z.string(),
      type: z.enum(['human', 'system']),
      roles: z.array(z.string()),
    }),
  })
  .transform(({ token, expires_at, renew_after, account }) => ({
    token,
    expiresAtMs: expires_at,
    renewAfterMs: renew_after,
    account,
  }));

export type TokenGrant = z.output<typeof tokenGrant>;

export const validation = z.discriminatedUnion('valid', [
  z.object({ valid: z.literal(false), reason: z.string() }),
  z
    .object({
      valid: z.literal(true),
      account_id: z.string().min(1),
      username: z.string().min(1),
      account_type: z.enum(['human', 'system']),
      roles: z.array(z.string()),
      audience: z.array(z.string()),
      session_id: z.string().nullish(),
      amr: z.array(z.string()).default([]),
      auth_time: time.nullish(),
      issued_at: time,
      expires_at: time,
      token_id: z.string(),
    })
    .transform((answer) => ({ valid: true as const, principal: principalOfAnswer(answer) })),
]);

export type Validation = z.output<typeof validation>;

type ValidAnswer = {
  readonly account_id: string;
  readonly username: string;
  readonly account_type: 'human' | 'system';
  readonly roles: readonly string[];
  readonly audience: readonly string[];
  readonly session_id?: string | null | undefined;
  readonly amr: readonly string[];
  readonly auth_time?: number | null | undefined;
  readonly issued_at: number;
  readonly expires_at: number;
  readonly token_id: string;
};

function principalOfAnswer(answer: ValidAnswer): Principal {
  return Object.freeze({
    accountId: answer.account_id,
    name: answer.username,
    type: answer.account_type,
    roles: Object.freeze([...answer.roles]),
    sessionId: answer.session_id ?? null,
    tokenId: answer.token_id,
    audience: Object.freeze([...answer.audience]),
    amr: Object.freeze([...answer.amr]),
    authTimeMs: answer.auth_time ?? answer.issued_at,
    issuedAtMs: answer.issued_at,
    expiresAtMs: answer.expires_at,
  });
}
