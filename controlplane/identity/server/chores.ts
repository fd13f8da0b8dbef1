import type { Logger } from '../../../mcdsl/logging/index.ts';
import { recordKeys, type ApiDeps } from '../api/index.ts';
import { closeFailures, pruneAudit, serverSource } from '../audit/index.ts';
import { pruneSessions } from '../sessions/index.ts';
import { pruneOidcItems } from '../oidc/index.ts';
import { pruneCodes } from '../sso/index.ts';
import { pruneTickets } from '../tickets/index.ts';
import { pruneTokens, systemTokenExpiry, warnBeforeMs } from '../tokens/index.ts';

const secondMs = 1000;
const minuteMs = 60_000;
const dayMs = 86_400_000;
const activityEverySeconds = 10;

/** What mcias does by itself, second by second: it stops, and writes what is left, when disposed. */
export type Chores = Disposable;

/** When the certificate that is served ends; null without TLS. */
export type CertificateEnd = () => Date | null;

/**
 * Each second: changes of other processes (`mcias recover`) are taken over, and refused tokens are audited. Every ten seconds: uses
 * of tokens and sessions are written. Each minute: what has expired is removed, 500 rows at a time, and keys move on. Each day:
 * tokens and a certificate that will end soon are warned of. A chore that fails is logged and tried again in its turn.
 */
export function startChores(deps: ApiDeps, logger: Logger, certificate: CertificateEnd): Chores {
  let seconds = 0;
  let warnedDay = -1;
  let version = deps.store.dataVersion();
  let maintaining: Promise<unknown> | null = null;
  const attempt = (what: string, work: () => void): void => {
    try {
      work();
    } catch (err) {
      logger.error(`${what} failed and will be tried again`, { err });
    }
  };

  const follow = (): void => {
    const seen = deps.store.dataVersion();
    if (seen === version) return;
    version = seen;
    deps.keyring.reload();
  };
  const maintainKeys = (): void => {
    const now = deps.clock();
    maintaining ??= deps.keyring
      .maintain(now, recordKeys(serverSource, now))
      .then((events) => {
        for (const { kid, state, alg, use } of events) logger.info('signing key', { kid, state, alg, use });
      })
      .catch((err: unknown) => logger.error('signing keys could not be moved on', { err }))
      .finally(() => (maintaining = null));
  };
  const eachSecond = (): void => {
    attempt('following changes of other processes', follow);
    deps.auditQueue.flush();
    if (seconds % activityEverySeconds === 0) attempt('noting uses of tokens', () => writeActivity(deps));
    if (seconds % (minuteMs / secondMs) === 0) {
      attempt('removing what has expired', () => sweep(deps));
      maintainKeys();
      const day = Math.floor(deps.clock() / dayMs);
      if (day !== warnedDay) attempt('looking for tokens that will end', () => warnOfEnds(deps, logger, certificate()));
      warnedDay = day;
    }
    seconds++;
  };
  const timer = setInterval(eachSecond, secondMs);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      deps.auditQueue.flush();
      attempt('noting uses of tokens', () => writeActivity(deps));
    },
  };
}

function writeActivity({ store, activity, inForce }: ApiDeps): void {
  if (activity.pending === 0) return;
  store.change((writer) => activity.flush(writer, inForce().settings.sessionTimes));
}

/** One short transaction for each kind, so that no login waits long for the lock. */
export function sweep({
  store,
  softLocks,
  clock,
  inForce,
}: Pick<ApiDeps, 'store' | 'softLocks' | 'clock' | 'inForce'>): void {
  const now = clock();
  store.change((writer) => pruneTickets(writer, now));
  store.change((writer) => pruneCodes(writer, now));
  store.change((writer) => pruneOidcItems(writer, now));
  store.change((writer) => pruneTokens(writer, now));
  store.change((writer) => pruneSessions(writer, now));
  store.change((writer) => softLocks.prune(writer, now));
  store.change((writer) => closeFailures(writer, now));
  store.change((writer) => pruneAudit(writer, now - inForce().config.audit.retain, now, 500));
}

/** What will end within 30 days. */
export function warnOfEnds(
  { store, clock }: Pick<ApiDeps, 'store' | 'clock'>,
  logger: Logger,
  certificateEnd: Date | null,
): void {
  const now = clock();
  if (certificateEnd !== null && certificateEnd.getTime() - now < warnBeforeMs) {
    const days = Math.floor((certificateEnd.getTime() - now) / dayMs);
    logger.warn(`the certificate ends in ${days} days; put a new one in its place, it is taken over by itself`);
  }
  for (const { account, expiresAt } of systemTokenExpiry(store.reader, now)) {
    if (expiresAt - now >= warnBeforeMs) continue;
    const days = Math.floor((expiresAt - now) / dayMs);
    logger.warn(`the last token of ${account} ends in ${days} days; let the service renew it, or issue another`, {
      account,
      expires_at: new Date(expiresAt),
    });
  }
}
