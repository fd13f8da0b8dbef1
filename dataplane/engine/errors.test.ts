import { describe, expect, it } from 'vitest';

import { commonRows } from '../../mcdsl/errors/index.ts';
import { proxyErrors } from './errors.ts';

describe('the error table', () => {
  it('is closed: a new code is a decision about the API', () => {
    const own = Object.entries(proxyErrors.rows).filter(([code]) => !Object.hasOwn(commonRows, code));
    expect(own.map(([code, row]) => `${code} ${row.http} ${row.grpc}${row.retry ? ' retry' : ''}`))
      .toMatchInlineSnapshot(`
      [
        "database_locked 503 UNAVAILABLE retry",
        "database_full 507 RESOURCE_EXHAUSTED retry",
        "database_io 503 UNAVAILABLE retry",
        "database_readonly 503 FAILED_PRECONDITION",
        "database_unavailable 503 UNAVAILABLE",
        "database_corrupt 500 DATA_LOSS",
        "database_constraint 409 FAILED_PRECONDITION",
        "database_schema_newer 500 FAILED_PRECONDITION",
        "database_schema_older 500 FAILED_PRECONDITION",
        "database_migration_failed 500 INTERNAL",
        "listener_unknown 404 NOT_FOUND",
        "listener_ambiguous 400 INVALID_ARGUMENT",
        "route_invalid 400 INVALID_ARGUMENT",
        "backend_invalid 400 INVALID_ARGUMENT",
        "route_not_found 404 NOT_FOUND",
        "route_is_configured 409 FAILED_PRECONDITION",
        "certificate_invalid 400 INVALID_ARGUMENT",
        "certificate_unreadable 409 FAILED_PRECONDITION",
        "certificate_expired 409 FAILED_PRECONDITION",
        "certificate_mismatch 409 FAILED_PRECONDITION",
        "rule_invalid 400 INVALID_ARGUMENT",
        "rule_not_found 404 NOT_FOUND",
        "rule_is_configured 409 FAILED_PRECONDITION",
        "rate_limit_invalid 400 INVALID_ARGUMENT",
        "policy_invalid 400 INVALID_ARGUMENT",
        "policy_not_found 404 NOT_FOUND",
        "policy_is_configured 409 FAILED_PRECONDITION",
        "policy_of_route 409 FAILED_PRECONDITION",
        "policy_needs_l7 409 FAILED_PRECONDITION",
        "changes_invalid 400 INVALID_ARGUMENT",
        "confirm_pending 409 FAILED_PRECONDITION retry",
        "nothing_to_confirm 409 FAILED_PRECONDITION",
        "connection_not_found 404 NOT_FOUND",
        "not_confirmed 500 INTERNAL retry",
      ]
    `);
  });
});
