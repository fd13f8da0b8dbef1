import { isReason, REASONS } from '../../proxy/reasons.ts';
import { proxyErrors } from '../errors.ts';
import { checkText, maxLength } from './check.ts';
import type { AdminDeps, ProxyAdminHandlers } from './deps.ts';
import { ipFilter } from './filters.ts';

export function eventHandlers({ events }: AdminDeps): Pick<ProxyAdminHandlers, 'events'> {
  return {
    /**
     * What is kept, then what comes. A slow reader holds the queue of its subscription and no more: events that don't fit
     * are counted in the one after them. Ends with the caller, and at shutdown.
     */
    async *events({ follow, reason, ip, last }, { signal }) {
      const filter = { reason: reasonFrom(reason), ip: ipFilter(ip) };
      // Both in one turn: nothing is missed between them and nothing comes twice.
      const coming = follow ? events.subscribe(filter, signal) : null;
      const kept = events.recent(filter, last);
      try {
        yield* kept;
        if (coming) yield* coming;
      } finally {
        await coming?.return?.();
      }
    },
  };
}

/** A misspelt reason would match nothing for ever. */
function reasonFrom(reason: string): string {
  if (reason === '' || isReason(reason)) return reason;
  checkText('reason', reason, maxLength.word);
  const known = Object.keys(REASONS).join(', ');
  throw proxyErrors.error('invalid_argument', `there is no reason code ${JSON.stringify(reason)}; there are ${known}`, {
    field: 'reason',
  });
}
