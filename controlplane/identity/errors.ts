import { defineErrors, type ErrorDetails, type SystemError, type TableCode } from '../../mcdsl/errors/index.ts';
import type { Reason } from './reasons.ts';

/**
 * The closed error table of mcias: every code that REST and gRPC answer with beside the common ones. A failed change changed
 * nothing. /oidc answers with the codes of RFC 6749 instead.
 */
export const identityErrors = defineErrors('mcias', {
  invalid_grant: { http: 400, grpc: 'FAILED_PRECONDITION', retry: false },

  invalid_credentials: {
    http: 401,
    grpc: 'UNAUTHENTICATED',
    retry: false,
    message: 'name, password or second factor is wrong',
  },
  mfa_required: { http: 401, grpc: 'UNAUTHENTICATED', retry: false, message: 'a second factor is required' },
  invalid_token: { http: 401, grpc: 'UNAUTHENTICATED', retry: false, message: 'the token is not valid' },
  invalid_client: { http: 401, grpc: 'UNAUTHENTICATED', retry: false },

  policy_denied: { http: 403, grpc: 'PERMISSION_DENIED', retry: false, message: 'login policy denies this service' },
  csrf_failed: {
    http: 403,
    grpc: 'PERMISSION_DENIED',
    retry: false,
    message: 'the form has expired or came from another page; reload it and try again',
  },
  step_up_required: {
    http: 403,
    grpc: 'FAILED_PRECONDITION',
    retry: false,
    message: 'the last login is too long ago for this; confirm your password and second factor, or a passkey',
  },
  mfa_enrollment_required: {
    http: 403,
    grpc: 'FAILED_PRECONDITION',
    retry: false,
    message: 'an admin needs a second factor; enrol one first',
  },

  last_admin: {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retry: false,
    message: 'this is the last enabled admin; give another account the role first',
  },
  last_factor: {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retry: false,
    message: 'this is the last way to log in; add another one first',
  },
  table_full: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },

  rate_limited: { http: 429, grpc: 'RESOURCE_EXHAUSTED', retry: true },
  account_locked: { http: 429, grpc: 'RESOURCE_EXHAUSTED', retry: true },
  busy: { http: 429, grpc: 'RESOURCE_EXHAUSTED', retry: true },

  audit_unavailable: { http: 503, grpc: 'UNAVAILABLE', retry: true },
});

export type IdentityErrorCode = TableCode<typeof identityErrors>;

export type RefusalOptions = {
  readonly message?: string;
  readonly details?: ErrorDetails;
  readonly retryAfterSeconds?: number;
  /** What is logged beside the reason; never sent to the caller, never a secret. */
  readonly logged?: Readonly<Record<string, string | number>>;
};

/** Why a request was refused, for log, metric and audit. The caller sees the code alone: a precise reason would help to probe. */
export class RefusalCause extends Error {
  override readonly name = 'RefusalCause';
  readonly reason: Reason;
  readonly logged: Readonly<Record<string, string | number>>;

  constructor(reason: Reason, logged: Readonly<Record<string, string | number>> = {}) {
    super(reason);
    this.reason = reason;
    this.logged = logged;
  }
}

/** An error of the table whose cause says the reason. */
export function refusal(
  code: IdentityErrorCode,
  reason: Reason,
  options: RefusalOptions = {},
): SystemError<IdentityErrorCode> {
  const { message, details, retryAfterSeconds, logged } = options;
  return identityErrors.error(code, message, details, {
    cause: new RefusalCause(reason, logged),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** The reason of a refusal that was thrown, or null where it has none. */
export function refusalOf(thrown: unknown): RefusalCause | null {
  return thrown instanceof Error && thrown.cause instanceof RefusalCause ? thrown.cause : null;
}
