export { createEventLog } from './event-log.ts';
export type { EventFilter, EventLog, EventLogOptions, NewEvent } from './event-log.ts';
