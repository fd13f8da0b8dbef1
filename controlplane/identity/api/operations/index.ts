import type { ApiDeps } from '../deps.ts';
import { accountOperations } from './accounts.ts';
import { auditOperations } from './audit.ts';
import { credentialOperations } from './credentials.ts';
import { keyOperations } from './keys.ts';
import { loginOperations } from './login.ts';
import { policyOperations } from './policy.ts';
import { sessionOperations } from './sessions.ts';
import { ssoOperations } from './sso.ts';
import { stepUpOperations } from './step-up.ts';
import { tokenOperations } from './tokens.ts';

/** Everything that mcias does for callers over its API. */
export function createOperations(deps: ApiDeps) {
  return {
    auth: { ...loginOperations(deps), stepUp: stepUpOperations(deps).run },
    tokens: tokenOperations(deps),
    sso: ssoOperations(deps),
    accounts: accountOperations(deps),
    credentials: credentialOperations(deps),
    sessions: sessionOperations(deps),
    policy: policyOperations(deps),
    audit: auditOperations(deps),
    keys: keyOperations(deps),
  };
}

export type Operations = ReturnType<typeof createOperations>;
export { recordKeys } from './keys.ts';
