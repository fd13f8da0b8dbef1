import { defineErrors } from '../errors/index.ts';

/**
 * What services answer about identity: mcias's own codes where it has refused, and `auth_unavailable`, which exists on this side
 * only. A service never turns one into the other: what mcias did not say is not said of the caller.
 */
export const authErrors = defineErrors('auth', {
  invalid_token: { http: 401, grpc: 'UNAUTHENTICATED', retry: false },
  invalid_credentials: { http: 401, grpc: 'UNAUTHENTICATED', retry: false },
  mfa_required: { http: 401, grpc: 'UNAUTHENTICATED', retry: false },
  invalid_client: { http: 401, grpc: 'UNAUTHENTICATED', retry: false },
  invalid_grant: { http: 400, grpc: 'FAILED_PRECONDITION', retry: false },
  policy_denied: { http: 403, grpc: 'PERMISSION_DENIED', retry: false },
  step_up_required: { http: 403, grpc: 'FAILED_PRECONDITION', retry: false },
  mfa_enrollment_required: { http: 403, grpc: 'FAILED_PRECONDITION', retry: false },
  rate_limited: { http: 429, grpc: 'RESOURCE_EXHAUSTED', retry: true },
  account_locked: { http: 429, grpc: 'RESOURCE_EXHAUSTED', retry: true },
  busy: { http: 429, grpc: 'RESOURCE_EXHAUSTED', retry: true },
  auth_unavailable: {
    http: 503,
    grpc: 'UNAVAILABLE',
    retry: true,
    message: 'identities cannot be checked now; try again',
  },
  token_file_refused: { http: 500, grpc: 'FAILED_PRECONDITION', retry: false },
});
