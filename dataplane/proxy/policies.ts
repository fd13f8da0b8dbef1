import type { Policies } from './model.ts';

export type PolicyVerdict =
  | { readonly kind: 'allow' }
  | { readonly kind: 'deny'; readonly reason: 'ua_blocked' | 'header_required'; readonly rule: string };

const ALLOW: PolicyVerdict = { kind: 'allow' };
const lowered = new WeakMap<Policies, readonly string[]>();

/**
 * The request policies of a route (PX-13), for the data path and Explain alike. `hasHeader` is asked with the name as the
 * operator wrote it. Cost: one lowering of the User-Agent and one substring search a rule, nothing for a route without rules.
 */
export function evaluatePolicies(
  policies: Policies,
  userAgent: string,
  hasHeader: (name: string) => boolean,
): PolicyVerdict {
  if (policies.blockUserAgents.length > 0 && userAgent !== '') {
    const agent = userAgent.toLowerCase();
    const needles = loweredAgents(policies);
    for (let i = 0; i < needles.length; i++) {
      if (agent.includes(needles[i] ?? '')) {
        return { kind: 'deny', reason: 'ua_blocked', rule: `block_user_agents ${policies.blockUserAgents[i] ?? ''}` };
      }
    }
  }
  for (const name of policies.requireHeaders) {
    if (!hasHeader(name)) return { kind: 'deny', reason: 'header_required', rule: `require_headers ${name}` };
  }
  return ALLOW;
}

/** Policies are immutable, so their lowered form is made once an object. */
function loweredAgents(policies: Policies): readonly string[] {
  const known = lowered.get(policies);
  if (known) return known;
  const agents = policies.blockUserAgents.map((agent) => agent.toLowerCase());
  lowered.set(policies, agents);
  return agents;
}
