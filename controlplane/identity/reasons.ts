/**
 * The closed list of reasons for refusals: the log line's `reason` and the label of `mc_mcias_refusals_total`. `audited` ones
 * also become an audit entry.
 */
export const reasons = {
  // Tokens, in the order of their checks.
  malformed: { audited: false },
  not_canonical: { audited: false },
  alg_not_allowed: { audited: true },
  wrong_type: { audited: true },
  unknown_kid: { audited: true },
  bad_signature: { audited: true },
  wrong_issuer: { audited: true },
  not_yet_valid: { audited: false },
  expired: { audited: false },
  unknown_token: { audited: true },
  revoked: { audited: true },
  session_ended: { audited: false },
  wrong_audience: { audited: true },
  missing_service_name: { audited: false },
  renewed: { audited: true },

  // Names, passwords, limits.
  unknown_account: { audited: true },
  account_disabled: { audited: true },
  system_login: { audited: true },
  no_password: { audited: true },
  wrong_password: { audited: true },
  account_locked: { audited: true },
  rate_limited: { audited: false },
  hash_queue_full: { audited: false },
  bad_name: { audited: false },
  bad_encoding: { audited: false },
  bad_value: { audited: false },
  weak_password: { audited: false },
  client_ip_ignored: { audited: false },

  // Second factors, passkeys, tickets.
  totp_malformed: { audited: true },
  totp_wrong: { audited: true },
  totp_replay: { audited: true },
  totp_locked: { audited: true },
  recovery_wrong: { audited: true },
  recovery_used: { audited: true },
  ticket_invalid: { audited: true },
  challenge_consumed: { audited: true },
  origin_mismatch: { audited: true },
  rp_mismatch: { audited: true },
  counter_regression: { audited: true },
  uv_missing: { audited: true },
  wrong_owner: { audited: true },
  unknown_passkey: { audited: true },
  passkey_suspended: { audited: true },

  // Single sign-on and OpenID Connect.
  redirect_mismatch: { audited: true },
  state_missing: { audited: false },
  pkce_required: { audited: false },
  response_type: { audited: false },
  code_replay: { audited: true },
  code_mismatch: { audited: true },
  code_expired: { audited: true },
  code_unknown: { audited: true },
  state_mismatch: { audited: false },
  iss_mismatch: { audited: false },
  bad_return_path: { audited: false },
  refresh_reuse: { audited: true },

  // Pages.
  csrf_missing: { audited: true },
  csrf_mismatch: { audited: true },
  csrf_origin: { audited: true },
  session_unknown: { audited: false },

  // Authorization and policy.
  permission_denied: { audited: true },
  step_up: { audited: false },
  mfa_enrollment: { audited: false },
  mfa_required: { audited: false },
  role_not_allowed: { audited: true },
  last_admin: { audited: true },
  last_factor: { audited: true },
  bad_rule: { audited: false },
  rule_deny: { audited: true },
  no_match: { audited: true },

  // Requests, storage, transport.
  too_large: { audited: false },
  bad_json: { audited: false },
  media_type: { audited: false },
  unknown_route: { audited: false },
  stale_revision: { audited: false },
  table_full: { audited: false },
  audit_unavailable: { audited: false },
  seal_mismatch: { audited: true },
  tls_version: { audited: false },
} as const satisfies Record<string, { readonly audited: boolean }>;

export type Reason = keyof typeof reasons;
