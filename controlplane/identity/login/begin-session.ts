import type { Writer } from '../../../mcdsl/database/index.ts';
import { appendAudit, type AuditDetails } from '../audit/index.ts';
import { openSession, type OpenedSession, type SessionTimes } from '../sessions/index.ts';
import type { Origin, Verified } from './attempt.ts';
import type { Login } from './login.ts';

export interface SessionStart {
  readonly origin: Origin;
  readonly userAgent: string;
  readonly times: SessionTimes;
  readonly details?: AuditDetails;
}

/** The end of a login that policy admitted, in the transaction of whatever else it gives: session, note, audit. */
export function beginSession(
  writer: Writer,
  login: Pick<Login, 'complete'>,
  { account, amr }: Verified,
  { origin, userAgent, times, details = {} }: SessionStart,
  now: number,
): OpenedSession {
  const { ip, requestId, service } = origin;
  const source = { actor: account.name, actorKind: account.type, ip, requestId, target: account.name, service };
  login.complete(writer, account);
  const isAdmin = account.roles.includes('admin');
  const opened = openSession(writer, { accountId: account.id, isAdmin, amr, ip, userAgent }, times, now);
  const entry = { ...source, reason: '', details: { ...details, amr, session: opened.session.id } } as const;
  appendAudit(writer, { ...entry, event: 'login.accepted' }, now);
  for (const session of opened.ended) {
    appendAudit(writer, { ...source, event: 'session.ended', reason: '', details: { session, why: 'too_many' } }, now);
  }
  return opened;
}
