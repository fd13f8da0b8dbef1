import type { Logger } from '../../../mcdsl/logging/index.ts';
import type { EventLog, NewEvent } from '../events/index.ts';

/**
 * Where changes of the desired state end: in the event stream, and in the log, which outlives the process: who added the route,
 * and when, is asked long after.
 */
export function createStateReport(
  logger: Logger,
  events: Pick<EventLog, 'record'>,
): (event: NewEvent, severity: 'info' | 'error') => void {
  return (event, severity) => {
    events.record(event);
    const { kind, detail, listener, route, rule } = event;
    const fields = Object.entries({ kind, listener, route, rule, detail }).filter(([, value]) => value !== undefined);
    logger[severity](severity === 'error' ? 'changed files were refused' : 'change', Object.fromEntries(fields));
  };
}
