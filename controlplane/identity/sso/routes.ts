import { z } from 'zod';

import { defineApi, redirect, route } from '../../../mcdsl/http/index.ts';
import type { Api, HttpAnswer, HttpContext } from '../../../mcdsl/http/index.ts';
import { appendAudit, appendFailure } from '../audit/index.ts';
import { loginPath, withReturn, type Browsers, type Visitor } from '../browser/index.ts';
import { refusal } from '../errors.ts';
import { evaluate } from '../policy/index.ts';
import type { Refusals } from '../refusals.ts';
import type { Rooms } from '../rooms.ts';
import { issueTicket, readTicket, takeTicket } from '../tickets/index.ts';
import { findSsoClient } from './clients.ts';
import { issueCode } from './codes.ts';
import { answerUrl, parseSignOn, type SignOn } from './request.ts';

export type SsoDeps = Pick<Rooms, 'store' | 'sealer' | 'clock' | 'policy' | 'inForce'> & {
  readonly browsers: Browsers;
  /** Told of refusals that a redirect carries: the edge sees only what is thrown. */
  readonly refusals: Refusals;
};

/** How long a person may take to log in. */
const pendingMs = 600_000;

const authorizeQuery = z.looseObject({});
const resumeQuery = z.strictObject({ request: z.string().max(64) });

/** What is remembered of a sign-on while the person logs in; sealed in its ticket. */
const pendingShape = z.object({
  clientId: z.string(),
  redirectUri: z.string(),
  state: z.string(),
  challenge: z.string(),
  prompt: z.literal('login').nullable(),
  askedAt: z.number(),
});

/**
 * `/sso/authorize` and `/sso/resume`, where a browser comes back after its login.
 *
 * ```
 * check client and address → check the rest → who is it? (login, gates, back by resume) → policy → code
 * ```
 */
export function ssoApi(deps: SsoDeps): Api {
  const { store, sealer, clock, browsers } = deps;
  const clients = () => deps.inForce().settings.ssoClients;
  const issuer = () => deps.inForce().settings.issuer;

  /** The page that this browser has to see before it gets a code, or null. */
  function detour(context: HttpContext, signOn: SignOn, askedAt: number): ((to: string) => string) | null {
    const visitor = browsers.visitor(context);
    const isStale = signOn.prompt === 'login' && (visitor?.session.authTime ?? 0) < askedAt;
    if (visitor === null || isStale) return loginPath;
    const gate = browsers.gateOf(visitor);
    return gate === null ? null : (to) => withReturn(gate, to);
  }

  function answer(context: HttpContext, signOn: SignOn, ticket: string | null): HttpAnswer {
    const visitor = browsers.visitor(context);
    if (visitor === null) throw refusal('invalid_token', 'session_unknown');
    const outcome = decide(context, visitor, signOn, ticket);
    const iss = issuer();
    return redirect(answerUrl(signOn.client.redirectUri, { ...outcome, state: signOn.state, iss }));
  }

  function decide(context: HttpContext, { session, account }: Visitor, signOn: SignOn, ticket: string | null) {
    const { client, challenge } = signOn;
    const now = clock();
    const { serviceName, tags } = client;
    const snapshot = deps.policy.snapshot();
    const question = { account, context: { serviceName, tags }, now };
    const { decision } = evaluate(snapshot, question, 'enforce');
    return store.change((writer) => {
      if (ticket !== null) takeTicket(writer, sealer, 'sso_request', ticket, now);
      const entry = { ...browsers.source(context, account), target: client.clientId, service: serviceName };
      if (decision.effect === 'deny') {
        const { reason, ruleId } = decision;
        appendFailure(writer, { ...entry, event: 'sso.refused', reason, details: { rule_id: ruleId } }, now);
        context.note({ refused: reason });
        deps.refusals.reason(reason);
        return { error: 'access_denied', error_description: reason };
      }
      const code = issueCode(writer, { client, challenge, session }, now);
      const details = { session: session.id };
      appendAudit(writer, { ...entry, event: 'sso.code_issued', reason: '', details }, now);
      return { code };
    });
  }

  return defineApi({
    routes: {
      authorize: route({
        method: 'GET',
        path: '/sso/authorize',
        page: true,
        query: authorizeQuery,
        answer(request) {
          const parsed = parseSignOn(clients(), issuer(), request.query as Record<string, string | string[]>);
          if (parsed.kind === 'page') throw refuseAddress(deps, request);
          if (parsed.kind === 'answer') {
            request.note({ refused: parsed.reason });
            deps.refusals.reason(parsed.reason);
            return redirect(parsed.to);
          }
          const { signOn } = parsed;
          const askedAt = clock();
          const elsewhere = detour(request, signOn, askedAt);
          if (elsewhere === null) return answer(request, signOn, null);
          const { client, state, challenge, prompt } = signOn;
          const { clientId, redirectUri } = client;
          const data: z.output<typeof pendingShape> = { clientId, redirectUri, state, challenge, prompt, askedAt };
          const draft = { kind: 'sso_request', accountId: null, sessionId: null, data, lifetimeMs: pendingMs } as const;
          const { ticket } = store.change((writer) => issueTicket(writer, sealer, draft, askedAt));
          return redirect(elsewhere(`/sso/resume?request=${ticket}`));
        },
      }),
      resume: route({
        method: 'GET',
        path: '/sso/resume',
        page: true,
        query: resumeQuery,
        answer(request) {
          const ticket = request.query.request;
          const found = readTicket(store.reader, sealer, 'sso_request', ticket, clock());
          const pending = found === null ? null : pendingShape.parse(found.data);
          // Asked again: the configuration may have changed while the person logged in.
          const client = pending && findSsoClient(clients(), pending.clientId, pending.redirectUri);
          if (pending === null || client === null) {
            const message = 'this sign-on has taken too long or is done; go back to the service and begin again';
            throw refusal('invalid_argument', 'ticket_invalid', { message });
          }
          const elsewhere = detour(request, { ...pending, client }, pending.askedAt);
          if (elsewhere !== null) return redirect(elsewhere(`/sso/resume?request=${ticket}`));
          return answer(request, { ...pending, client }, ticket);
        },
      }),
    },
    authorization: { authorize: 'public', resume: 'public' },
  });
}

function refuseAddress(deps: SsoDeps, context: HttpContext): Error {
  const { store, browsers, clock } = deps;
  const entry = { event: 'sso.refused', target: '', service: '', reason: 'redirect_mismatch', details: {} } as const;
  store.change((writer) => appendFailure(writer, { ...browsers.source(context, null), ...entry }, clock()));
  context.note({ refused: 'redirect_mismatch' });
  return refusal('invalid_argument', 'redirect_mismatch', {
    message:
      'the service that sent you here is not known, or not under this address; mcias sends nobody there. ' +
      'Its client_id and redirect_uri must stand in mcias.toml, byte for byte',
  });
}
