import type { Event } from '../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { canonicalIp } from './canonical-ip.ts';
import { createSubscriber, type Subscriber } from './subscriber.ts';

/** What somebody reports: a kind, and those fields of the proto Event that mean something for it. */
export type NewEvent = Pick<Event, 'kind'> & Partial<Event>;

/** Empty strings match everything. `ip`: any spelling of an address; compared with the client's. */
export interface EventFilter {
  readonly reason?: string;
  readonly ip?: string;
}

export interface EventLog {
  /** Keeps the event and hands it to subscribers. Never blocks, never throws; cost: O(subscribers). */
  record(event: NewEvent): void;
  /** Kept events that match, oldest first; with `last` above 0 only the newest so many of them. */
  recent(filter?: EventFilter, last?: number): Event[];
  /**
   * Events from now on, until the signal aborts (the iteration then ends, it doesn't throw). Recording starts with the call,
   * not with the first `next`. A subscriber that falls more than `queueSize` behind loses the newest events, and the next event
   * of the same kind and reason that reaches it says how many in `droppedBefore`.
   */
  subscribe(filter: EventFilter, signal: AbortSignal): AsyncIterableIterator<Event>;
  readonly kept: number;
  readonly subscribers: number;
  /** Events that any subscriber lost since start. */
  readonly dropped: number;
}

export interface EventLogOptions {
  readonly capacity?: number;
  /** Events that wait for one subscriber at most. */
  readonly queueSize?: number;
  readonly now?: () => number;
}

const CAPACITY = 10_000;
const QUEUE_SIZE = 1_000;

/** The last events in a ring and live subscriptions on top. Full ring: the oldest event goes. */
export function createEventLog(options: EventLogOptions = {}): EventLog {
  const capacity = options.capacity ?? CAPACITY;
  const queueSize = options.queueSize ?? QUEUE_SIZE;
  const now = options.now ?? Date.now;
  const ring: Event[] = [];
  const subscribers = new Set<Subscriber>();
  let oldest = 0;
  let dropped = 0;

  return {
    record(event) {
      const whole = complete(event, now);
      if (ring.length < capacity) ring.push(whole);
      else {
        ring[oldest] = whole;
        oldest = (oldest + 1) % capacity;
      }
      for (const subscriber of subscribers) if (!subscriber.offer(whole)) dropped++;
    },
    recent(filter = {}, last = 0) {
      const matches = matcher(filter);
      const found = [...ring.slice(oldest), ...ring.slice(0, oldest)].filter(matches);
      return last > 0 ? found.slice(-last) : found;
    },
    subscribe(filter, signal) {
      const subscriber = createSubscriber(matcher(filter), queueSize, signal, () => subscribers.delete(subscriber));
      if (!signal.aborted) subscribers.add(subscriber);
      return subscriber.events;
    },
    get kept() {
      return ring.length;
    },
    get subscribers() {
      return subscribers.size;
    },
    get dropped() {
      return dropped;
    },
  };
}

function complete(event: NewEvent, now: () => number): Event {
  return {
    time: event.time ?? new Date(now()),
    kind: event.kind,
    reason: event.reason ?? '',
    listener: event.listener ?? '',
    client: event.client ?? '',
    peer: event.peer ?? '',
    sni: event.sni ?? '',
    route: event.route ?? '',
    rule: event.rule ?? '',
    detail: event.detail ?? '',
    connectionId: event.connectionId ?? '',
    droppedBefore: event.droppedBefore ?? 0,
  };
}

function matcher(filter: EventFilter): (event: Event) => boolean {
  const reason = filter.reason ?? '';
  const ip = filter.ip ? canonicalIp(filter.ip) : '';
  return (event) => (reason === '' || event.reason === reason) && (ip === '' || event.client === ip);
}
