import { databaseRows } from '../../mcdsl/database/index.ts';
import { defineErrors, type TableCode } from '../../mcdsl/errors/index.ts';

/**
 * The closed error table of mc-proxy: every code that the admin API answers with beside the common ones. A failed change
 * changed nothing, with one exception that says so itself: `not_confirmed`.
 */
export const proxyErrors = defineErrors('mc_proxy', {
  ...databaseRows,

  listener_unknown: { http: 404, grpc: 'NOT_FOUND', retry: false },
  listener_ambiguous: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },

  route_invalid: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },
  backend_invalid: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },
  route_not_found: { http: 404, grpc: 'NOT_FOUND', retry: false },
  route_is_configured: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },

  certificate_invalid: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },
  certificate_unreadable: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  certificate_expired: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  certificate_mismatch: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },

  rule_invalid: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },
  rule_not_found: { http: 404, grpc: 'NOT_FOUND', retry: false },
  rule_is_configured: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  rate_limit_invalid: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },

  policy_invalid: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },
  policy_not_found: { http: 404, grpc: 'NOT_FOUND', retry: false },
  policy_is_configured: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  policy_of_route: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  policy_needs_l7: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },

  changes_invalid: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },
  confirm_pending: { http: 409, grpc: 'FAILED_PRECONDITION', retry: true },
  nothing_to_confirm: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },

  connection_not_found: { http: 404, grpc: 'NOT_FOUND', retry: false },

  not_confirmed: { http: 500, grpc: 'INTERNAL', retry: true },
});

export type ProxyErrorCode = TableCode<typeof proxyErrors>;
