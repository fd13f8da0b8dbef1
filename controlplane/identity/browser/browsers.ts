import { createCsrf, csrfErrors } from '../../../mcdsl/csrf/index.ts';
import { SystemError } from '../../../mcdsl/errors/index.ts';
import { deleteCookie, hostCookie } from '../../../mcdsl/http/index.ts';
import type { HttpContext } from '../../../mcdsl/http/index.ts';
import { findAccountById, type Account } from '../accounts/index.ts';
import { appendAudit, appendFailure, type AuditSource } from '../audit/index.ts';
import { refusal } from '../errors.ts';
import { hasSecondFactor, readWays } from '../factors/index.ts';
import { beginSession, type Method, type Origin, type Verified } from '../login/index.ts';
import type { Reason } from '../reasons.ts';
import type { Rooms } from '../rooms.ts';
import {
  endSession,
  endSessionsOf,
  findSession,
  readSession,
  rotateSession,
  stepUp,
  type Session,
} from '../sessions/index.ts';

/** The person behind a browser, as the database has them now. */
export type Visitor = { readonly session: Session; readonly account: Account };

/**
 * Browsers and their sessions: the cookie `__Host-mcias`, the guards of forms, and what stands between a session and what it may do.
 * The cookie's value changes at login, step-up and after a change of roles; one that was not given out here stands for nobody.
 */
export type Browsers = {
  /** null: nobody is logged in. */
  visitor(context: HttpContext): Visitor | null;
  /** The same person as before, as the database has them after the body has come; null: logged out, disabled meanwhile. */
  stillThere(context: HttpContext): Visitor | null;
  /** A verified login becomes a session of this browser; the one that it had before ends. */
  begin(context: HttpContext, verified: Verified): Visitor;
  /** A new proof of the same person. */
  stepUp(context: HttpContext, visitor: Visitor, amr: readonly Method[]): void;
  /** Ends the session, or all of the account, with everything that hangs on them. */
  end(context: HttpContext, visitor: Visitor, everywhere: boolean): void;
  /** Whether sensitive changes may be made without another proof. */
  isFresh(visitor: Visitor): boolean;
  /** What has to be done before anything else: a page, or null. */
  gateOf(visitor: Visitor): string | null;
  /** For a form before a login. */
  preToken(context: HttpContext): string;
  /** @throws csrf_failed, audited */
  checkPre(context: HttpContext, given: string | undefined): void;
  /** For a form of a session. */
  formToken(visitor: Visitor): string;
  /** @throws csrf_failed, audited */
  checkForm(context: HttpContext, visitor: Visitor, given: string | undefined): void;
  origin(context: HttpContext): Origin;
  source(context: HttpContext, account: Account | null): AuditSource;
};

export type BrowsersDeps = Pick<Rooms, 'store' | 'clock' | 'login' | 'activity' | 'inForce'>;

const cookieName = '__Host-mcias';

/** The origin of forms is the one of the start: another `public_url` needs a restart. */
export function createBrowsers({ store, clock, login, activity, inForce }: BrowsersDeps): Browsers {
  const csrf = createCsrf({ service: 'mcias', origin: inForce().settings.publicUrl });
  const known = new WeakMap<HttpContext, Visitor | null>();

  function find(context: HttpContext): Visitor | null {
    const secret = context.cookie(cookieName);
    if (secret === null || secret === '') return null;
    const now = clock();
    const session = findSession(store.reader, secret, now);
    const account = session === null ? null : findAccountById(store.reader, session.accountId);
    if (session === null || account?.status !== 'enabled') {
      context.note({ session: 'session_unknown' });
      return null;
    }
    activity.note({ tokenId: null, sessionId: session.id }, now);
    context.note({ account: account.name });
    if (session.mustRotate) {
      write(
        context,
        session,
        store.change((writer) => rotateSession(writer, session.id)),
      );
    }
    return { session, account };
  }

  function write(context: HttpContext, session: Session, secret: string): void {
    context.addCookie(hostCookie(cookieName, secret, (session.expiresAt - clock()) / 1000));
  }

  function source(context: HttpContext, account: Account | null): AuditSource {
    return {
      actor: account?.name ?? '',
      actorKind: account?.type ?? 'anonymous',
      ip: context.clientAddress,
      requestId: context.requestId,
    };
  }

  /** A form that was not sent from a page of ours, in the words of mcias: audited, its reason for the log alone. */
  function guarded(context: HttpContext, account: Account | null, check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof SystemError) || !csrfErrors.is(error, 'csrf_failed')) throw error;
      const reason = error.details['reason'] as Reason;
      const target = context.target.split('?', 1)[0] ?? '';
      const entry = { event: 'request.refused', target, service: 'mcias', reason, details: {} } as const;
      store.change((writer) => appendFailure(writer, { ...source(context, account), ...entry }, clock()));
      context.note({ refused: reason });
      throw refusal('csrf_failed', reason);
    }
  }

  return {
    visitor(context) {
      let visitor = known.get(context);
      if (visitor === undefined) {
        visitor = find(context);
        known.set(context, visitor);
      }
      return visitor;
    },

    stillThere(context) {
      const before = known.get(context) ?? null;
      const session = before && readSession(store.reader, before.session.id, clock());
      const account = before && findAccountById(store.reader, before.account.id);
      const visitor = session !== null && account?.status === 'enabled' ? { session, account } : null;
      known.set(context, visitor);
      return visitor;
    },

    begin(context, verified) {
      const before = find(context);
      const { session, secret } = store.change((writer) => {
        const now = clock();
        if (before !== null) endSession(writer, before.session.id, 'logout', now);
        const start = {
          origin: originOf(context),
          userAgent: context.header('user-agent') ?? '',
          times: inForce().settings.sessionTimes,
        };
        return beginSession(writer, login, verified, start, now);
      });
      write(context, session, secret);
      const visitor = { session, account: verified.account };
      context.note({ account: visitor.account.name });
      known.set(context, visitor);
      return visitor;
    },

    stepUp(context, { session: { id }, account }, amr) {
      const { session, secret } = store.change((writer) => {
        const now = clock();
        const entry = { event: 'login.step_up', target: account.name, service: 'mcias', reason: '' } as const;
        appendAudit(writer, { ...source(context, account), ...entry, details: { session: id, amr } }, now);
        return stepUp(writer, id, amr, now);
      });
      write(context, session, secret);
      known.set(context, { session, account });
    },

    end(context, { session, account }, everywhere) {
      store.change((writer) => {
        const now = clock();
        const ended = everywhere
          ? endSessionsOf(writer, account.id, 'logout', now)
          : endSession(writer, session.id, 'logout', now);
        const details = { session: session.id, ...ended };
        const entry = { event: 'logout', target: account.name, service: 'mcias', reason: '', details } as const;
        appendAudit(writer, { ...source(context, account), ...entry }, now);
      });
      context.addCookie(deleteCookie(cookieName));
      known.set(context, null);
    },

    isFresh: ({ session }) => clock() - session.authTime <= inForce().config.auth.step_up_max_age,

    gateOf({ account }) {
      if (account.mustChange) return '/account/password';
      const needsFactor = inForce().config.auth.admin_requires_mfa && account.roles.includes('admin');
      return needsFactor && !hasSecondFactor(readWays(store.reader, account.id)) ? '/account/enrol' : null;
    },

    preToken: (context) => csrf.preToken(context),
    checkPre: (context, given) => guarded(context, null, () => csrf.checkPre(context, given)),
    formToken: ({ session }) => csrf.token(session.id),
    checkForm: (context, { session, account }, given) =>
      guarded(context, account, () => csrf.check(context, session.id, given)),
    origin: originOf,
    source,
  };
}

function originOf({ clientAddress, requestId }: HttpContext): Origin {
  return { ip: clientAddress, requestId, service: 'mcias' };
}
