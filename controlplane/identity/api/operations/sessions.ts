import { z } from 'zod';

import { findAccountById } from '../../accounts/index.ts';
import { appendAudit } from '../../audit/index.ts';
import { identityErrors } from '../../errors.ts';
import { endSession, listSessions, readSession } from '../../sessions/index.ts';
import type { ApiDeps } from '../deps.ts';
import { operation } from '../operation.ts';
import { accountField, idField, pageFields, pageOf } from './fields.ts';
import { sourceOf } from './grants.ts';
import { accountScope } from './tokens.ts';

/** Sessions of people: one's own, for admins all. */
export function sessionOperations(deps: ApiDeps) {
  const { store, clock } = deps;

  const list = operation(
    'sessions.list',
    z.strictObject({ ...pageFields, account: accountField().optional() }),
    (input, _call, person) => {
      const scope = accountScope(deps, input.account, person);
      const { items, nextCursor } = listSessions(store.reader, scope, clock(), pageOf(input));
      return {
        sessions: items.map((session) => ({
          session_id: session.id,
          account: findAccountById(store.reader, session.accountId)?.name ?? '',
          created_at: new Date(session.createdAt),
          last_seen_at: new Date(session.lastSeenAt),
          ip: session.ip,
          user_agent: session.userAgent,
          amr: session.amr,
          services: session.services,
        })),
        next_cursor: nextCursor,
      };
    },
  );

  const revoke = operation(
    'sessions.revoke',
    z.strictObject({ session_id: idField() }),
    ({ session_id: id }, call, person) => {
      const now = clock();
      const isAdmin = person.account.roles.includes('admin');
      store.change((writer) => {
        const session = readSession(writer, id, now);
        // Somebody else's is as unknown as one that never was.
        if (session === null || (session.accountId !== person.account.id && !isAdmin)) {
          throw identityErrors.error('not_found', 'there is no such session, or it has ended');
        }
        const ended = endSession(writer, id, 'revoked', now);
        const target = findAccountById(writer, session.accountId)?.name ?? '';
        const details = { session: id, tokens: ended.tokens };
        const entry = { ...sourceOf(person, call), target, service: '', reason: '', details } as const;
        appendAudit(writer, { ...entry, event: 'session.ended' }, now);
      });
      return null;
    },
  );

  return { list, revoke };
}
