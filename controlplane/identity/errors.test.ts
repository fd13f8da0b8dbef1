import { describe, expect, it } from 'vitest';

import { commonRows, toWire } from '../../mcdsl/errors/index.ts';
import { identityErrors, refusal, refusalOf } from './errors.ts';

describe('the error table of mcias', () => {
  it('is closed: a new code is a decision about the API', () => {
    const own = Object.entries(identityErrors.rows).filter(([code]) => !Object.hasOwn(commonRows, code));
    expect(own.map(([code, row]) => `${code} ${row.http} ${row.grpc}${row.retry ? ' retry' : ''}`))
      .toMatchInlineSnapshot(`
      [
        "invalid_grant 400 FAILED_PRECONDITION",
        "invalid_credentials 401 UNAUTHENTICATED",
        "mfa_required 401 UNAUTHENTICATED",
        "invalid_token 401 UNAUTHENTICATED",
        "invalid_client 401 UNAUTHENTICATED",
        "policy_denied 403 PERMISSION_DENIED",
        "csrf_failed 403 PERMISSION_DENIED",
        "step_up_required 403 FAILED_PRECONDITION",
        "mfa_enrollment_required 403 FAILED_PRECONDITION",
        "last_admin 409 FAILED_PRECONDITION",
        "last_factor 409 FAILED_PRECONDITION",
        "table_full 409 FAILED_PRECONDITION",
        "rate_limited 429 RESOURCE_EXHAUSTED retry",
        "account_locked 429 RESOURCE_EXHAUSTED retry",
        "busy 429 RESOURCE_EXHAUSTED retry",
        "audit_unavailable 503 UNAVAILABLE retry",
      ]
    `);
  });

  it('has the common codes of the specification', () => {
    const { internal, conflict, too_large, draining } = identityErrors.rows;
    expect([internal.http, conflict.grpc, too_large.http, draining.retry]).toEqual([500, 'ABORTED', 413, true]);
  });

  it('tells the log the reason, and the caller the code alone', () => {
    const error = refusal('invalid_token', 'alg_not_allowed', { logged: { alg: 'none' } });
    expect(refusalOf(error)).toMatchObject({ reason: 'alg_not_allowed', logged: { alg: 'none' } });
    expect(JSON.stringify(toWire(error, () => {}))).not.toContain('alg_not_allowed');
    expect(refusalOf(new Error('other'))).toBeNull();
  });
});
