import type { InteractionResults, Provider } from 'oidc-provider';

import type { HttpContext } from '../../../mcdsl/http/index.ts';
import { appendFailure } from '../audit/index.ts';
import { loginPath, withReturn, type Visitor } from '../browser/index.ts';
import { refusal } from '../errors.ts';
import { evaluate } from '../policy/index.ts';
import { atHand } from './at-hand.ts';
import type { OidcDeps } from './deps.ts';
import { clientOf, cookieNames, interactionPath } from './provider.ts';

const second = 1000;
/** Reasons of the provider for which a login from before does not do. */
const wantNewLogin = ['login_prompt', 'max_age'];

/**
 * What a login for an application needs of the person: the login of mcias and its gates, then the login policy of the application.
 * There is no question of consent: applications are named by the operator.
 * @returns where the browser goes next
 * @throws invalid_argument when the login is not this browser's, or has taken too long
 */
export async function interaction(
  deps: OidcDeps,
  provider: Provider,
  context: HttpContext,
  uid: string,
): Promise<string> {
  const { browsers, clock } = deps;
  const found = context.cookie(cookieNames.interaction) === uid ? await provider.Interaction.find(uid) : undefined;
  if (found === undefined) {
    const message = 'this login was not begun in this browser, or has taken too long; begin again at the application';
    throw refusal('invalid_argument', 'ticket_invalid', { message });
  }
  const here = interactionPath(uid);
  const visitor = browsers.visitor(context);
  const isStale =
    found.prompt.reasons.some((reason) => wantNewLogin.includes(reason)) &&
    Math.floor((visitor?.session.authTime ?? 0) / second) < found.iat;
  if (visitor === null || isStale) return loginPath(here);
  const gate = browsers.gateOf(visitor);
  if (gate !== null) return withReturn(gate, here);

  const { client_id: clientId, scope } = found.params as { client_id: string; scope?: string };
  return atHand.run({ context, visitor }, async () => {
    const denied = deny(deps, context, visitor, clientId);
    found.result = denied ?? (await admit(provider, visitor, clientId, scope ?? 'openid', found.grantId));
    // The provider's session may have been another login's; the one that goes on is of this one.
    delete found.session;
    await found.save(Math.max(1, found.exp - Math.floor(clock() / second)));
    return found.returnTo;
  });
}

function deny(
  { store, policy, browsers, clock, inForce, refusals }: OidcDeps,
  context: HttpContext,
  { account }: Visitor,
  clientId: string,
): InteractionResults | null {
  const client = clientOf({ inForce }, clientId);
  if (client === null) return { error: 'invalid_client', error_description: 'the client is not configured any more' };
  const { serviceName, tags } = client;
  const question = { account, context: { serviceName, tags }, now: clock() };
  const { decision } = evaluate(policy.snapshot(), question, 'enforce');
  if (decision.effect === 'allow') return null;
  const { reason, ruleId } = decision;
  const entry = { ...browsers.source(context, account), target: clientId, service: serviceName, reason } as const;
  store.change((writer) =>
    appendFailure(writer, { ...entry, event: 'oidc.refused', details: { rule_id: ruleId } }, clock()),
  );
  context.note({ refused: reason });
  refusals.reason(reason);
  return { error: 'access_denied', error_description: reason };
}

async function admit(
  provider: Provider,
  { session, account }: Visitor,
  clientId: string,
  scope: string,
  grantId: string | undefined,
): Promise<InteractionResults> {
  const known = grantId === undefined ? undefined : await provider.Grant.find(grantId);
  const isOwn = known?.accountId === account.id && known.clientId === clientId;
  const grant = isOwn ? known : new provider.Grant({ accountId: account.id, clientId });
  grant.addOIDCScope(scope);
  return {
    login: { accountId: account.id, ts: Math.floor(session.authTime / second), amr: [...session.amr] },
    consent: { grantId: await grant.save() },
  };
}
