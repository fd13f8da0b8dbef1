import { z } from 'zod';

import { requireAccount } from '../../accounts/index.ts';
import { appendAudit } from '../../audit/index.ts';
import { refusal } from '../../errors.ts';
import { evaluate } from '../../policy/index.ts';
import { reasons, type Reason } from '../../reasons.ts';
import { endEverythingOf, endSession } from '../../sessions/index.ts';
import { createAddressBuckets } from '../../throttle/index.ts';
import {
  audienceCovers,
  listTokens,
  maxAudience,
  platformAudience,
  revokeToken,
  type Verification,
} from '../../tokens/index.ts';
import type { Call, Holder } from '../call.ts';
import { mustEnrol } from '../callers.ts';
import type { ApiDeps } from '../deps.ts';
import { operation } from '../operation.ts';
import { accountField, contextFields, contextOf, durationField, idField, pageFields, pageOf, text } from './fields.ts';
import { renewToken, sourceOf } from './grants.ts';

/**
 * Of one session. Each renewal leaves a token and an audit entry on the disk, so whoever may log in could fill it; system accounts
 * have `maxSystemTokens`.
 */
const renewalRate = { perMinute: 60, burst: 60 };

/** Tokens after their issue. */
export function tokenOperations(deps: ApiDeps) {
  const { store, verifier, policy, activity, issuer, callers, auditQueue, countRefusal, clock } = deps;

  /** Counted at once, audited later: no validate waits for the disk. */
  function invalid(call: Call, serviceName: string, answer: string, reason: Reason, found: Verification) {
    const { logged, account } = found.ok
      ? { logged: {}, account: found.state.account.name }
      : { logged: found.logged, account: found.logged['account'] ?? '' };
    countRefusal(reason);
    call.note({ reason, ...logged });
    if (reasons[reason].audited) {
      const { address: ip, requestId } = call;
      const source = { actor: '', actorKind: 'anonymous', ip, requestId } as const;
      const entry = { ...source, event: 'token.refused', target: account, service: serviceName, reason } as const;
      auditQueue.add({ ...entry, details: logged }, clock());
    }
    return { valid: false, reason: answer } as const;
  }

  const validate = operation(
    'token.validate',
    z.strictObject({ token: text(65_536), ...contextFields }),
    async (input, call) => {
      const context = contextOf(input);
      const { serviceName } = context;
      const now = clock();
      const found = await verifier.verify(input.token, now);
      if (!found.ok) return invalid(call, serviceName, found.answer, found.reason, found);
      const { claims, state } = found;
      const { account } = state;
      if (!audienceCovers(claims.aud, serviceName)) {
        return invalid(call, serviceName, 'wrong_audience', 'wrong_audience', found);
      }
      const { decision } = evaluate(policy.snapshot(), { account, context, now }, 'enforce');
      if (decision.effect === 'deny') return invalid(call, serviceName, decision.reason, decision.reason, found);
      if (serviceName !== 'mcias' && mustEnrol(deps, account)) {
        return invalid(call, serviceName, 'mfa_enrollment_required', 'mfa_enrollment', found);
      }
      activity.note({ tokenId: state.tokenId, sessionId: state.sessionId }, now);
      return {
        valid: true,
        account_id: account.id,
        username: account.name,
        account_type: account.type,
        roles: account.roles,
        audience: claims.aud,
        ...(state.sessionId === null ? {} : { session_id: state.sessionId }),
        amr: claims.amr,
        auth_time: new Date(claims.auth_time * 1000),
        issued_at: new Date(state.issuedAt),
        expires_at: new Date(state.expiresAt),
        token_id: state.tokenId,
        policy: { reason: decision.reason, rule_id: decision.ruleId },
      } as const;
    },
  );

  const renewals = createAddressBuckets(renewalRate, 10_000, (sessionId) => sessionId);

  const renew = operation('token.renew', z.strictObject({}), (_input, call, holder) => {
    const { sessionId } = holder.state;
    const answer = sessionId === null ? null : renewals.take(sessionId, clock());
    if (answer?.kind === 'empty') {
      const retryAfterSeconds = Math.ceil(answer.retryAfterMs / 1000);
      const message = 'too many renewals of this session; a token is renewed after half its life';
      throw refusal('rate_limited', 'rate_limited', { message, retryAfterSeconds });
    }
    return renewToken(deps, holder, call);
  });

  /** A token that is good no more has nothing to revoke. */
  async function revokeThis(token: string, call: Call, holder: Holder): Promise<number> {
    const now = clock();
    const found = await verifier.verify(token, now);
    if (!found.ok) return 0;
    const { tokenId, account } = found.state;
    if (account.id !== holder.account.id) callers.requireAdmin(holder);
    return recorded(call, holder, account.name, { token: tokenId }, (writer) =>
      revokeToken(writer, tokenId, 'revoked', now),
    );
  }

  function recorded(
    call: Call,
    holder: Holder,
    target: string,
    details: Readonly<Record<string, string>>,
    work: (writer: Parameters<Parameters<typeof store.change>[0]>[0]) => number,
  ): number {
    return store.change((writer) => {
      const revoked = work(writer);
      const entry = { ...sourceOf(holder, call), target, service: '', reason: '' } as const;
      appendAudit(writer, { ...entry, event: 'token.revoked', details: { ...details, revoked } }, clock());
      return revoked;
    });
  }

  const revoke = operation(
    'token.revoke',
    z.strictObject({
      token: text(65_536).optional(),
      token_id: idField().optional(),
      account_id: accountField().optional(),
      session_id: idField().optional(),
    }),
    async ({ token, token_id, account_id, session_id }, call, holder) => {
      const given = [token, token_id, account_id, session_id].filter((value) => value !== undefined);
      if (given.length > 1) {
        throw refusal('invalid_argument', 'bad_value', {
          message: 'name one of token, token_id, account_id, session_id',
        });
      }
      if (token !== undefined) return { revoked: await revokeThis(token, call, holder) };
      const now = clock();
      const own = holder.state.tokenId;
      if (given.length === 0) {
        const work = () => revokeOwn(own);
        return { revoked: work() };
      }
      callers.requireAdmin(holder);
      if (token_id !== undefined) {
        return {
          revoked: recorded(call, holder, '', { token: token_id }, (w) => revokeToken(w, token_id, 'revoked', now)),
        };
      }
      if (session_id !== undefined) {
        const work = (w: Parameters<Parameters<typeof store.change>[0]>[0]) =>
          endSession(w, session_id, 'revoked', now).tokens;
        return { revoked: recorded(call, holder, '', { session: session_id }, work) };
      }
      const account = requireAccount(store.reader, account_id ?? '');
      return {
        revoked: recorded(call, holder, account.name, {}, (w) => endEverythingOf(w, account.id, 'revoked', now).tokens),
      };

      function revokeOwn(tokenId: string): number {
        return recorded(call, holder, holder.account.name, { token: tokenId }, (w) =>
          revokeToken(w, tokenId, 'revoked', now),
        );
      }
    },
  );

  const issue = operation(
    'token.issue',
    z.strictObject({
      account: accountField(),
      ttl: durationField().optional(),
      audience: z.array(text(64)).max(maxAudience).optional(),
      label: text(128),
    }),
    ({ account: reference, ttl, audience = [], label }, call, person) => {
      const account = requireAccount(store.reader, reference);
      const now = clock();
      const draft = { audience: audience.length === 0 ? [platformAudience] : audience, ttlMs: ttl ?? null, label };
      const { token, tokenId, expiresAt } = store.change((writer) => {
        const issued = issuer.forSystem(writer, account, draft, now);
        const details = { token: issued.tokenId, label, audience: draft.audience };
        const entry = { ...sourceOf(person, call), target: account.name, service: '', reason: '', details } as const;
        appendAudit(writer, { ...entry, event: 'token.issued' }, now);
        return issued;
      });
      return { token, token_id: tokenId, expires_at: new Date(expiresAt) };
    },
  );

  const list = operation(
    'token.list',
    z.strictObject({ ...pageFields, account: accountField().optional(), expiring_within: durationField().optional() }),
    (input, _call, person) => {
      const now = clock();
      const accountId = accountScope(deps, input.account, person);
      const { expiring_within: withinMs } = input;
      const expiringBefore = withinMs === undefined ? null : now + withinMs;
      const page = listTokens(store.reader, { accountId, expiringBefore, kind: null }, now, pageOf(input));
      return {
        tokens: page.items.map((token) => ({
          token_id: token.tokenId,
          account: token.account,
          label: token.label,
          audience: token.audience,
          issued_at: new Date(token.issuedAt),
          expires_at: new Date(token.expiresAt),
          last_used_at: token.lastUsedAt === null ? null : new Date(token.lastUsedAt),
        })),
        next_cursor: page.nextCursor,
      };
    },
  );

  return { validate, renew, revoke, issue, list };
}

/**
 * Whose entries a list shows: one's own, for admins everybody's or those of the account that they name.
 * @returns null for all
 */
export function accountScope({ store, callers }: ApiDeps, account: string | undefined, holder: Holder): string | null {
  const isAdmin = holder.account.roles.includes('admin');
  if (account === undefined) return isAdmin ? null : holder.account.id;
  if (account === holder.account.id || account === holder.account.name) return holder.account.id;
  callers.requireAdmin(holder);
  return requireAccount(store.reader, account).id;
}
