import type { Event } from '../../../proto/gen/mcproxy/v1/mcproxy.ts';

export interface Subscriber {
  /** False when the event matched but the queue was full. */
  offer(event: Event): boolean;
  readonly events: AsyncIterableIterator<Event>;
}

/**
 * One reader's bounded queue. The newest events are the ones dropped: what is queued was promised in order, and counts of
 * lost events then stand at the place in the stream where they were lost.
 */
export function createSubscriber(
  matches: (event: Event) => boolean,
  queueSize: number,
  signal: AbortSignal,
  ended: () => void,
): Subscriber {
  const queue: Event[] = [];
  const lost = new Map<string, number>();
  const waiting: ((result: IteratorResult<Event, undefined>) => void)[] = [];
  let open = !signal.aborted;

  const end = (): void => {
    if (!open) return;
    open = false;
    signal.removeEventListener('abort', end);
    queue.length = 0;
    for (const resolve of waiting.splice(0)) resolve({ done: true, value: undefined });
    ended();
  };
  signal.addEventListener('abort', end, { once: true });

  return {
    offer(event) {
      if (!open || !matches(event)) return true;
      const key = `${event.kind} ${event.reason}`;
      const missed = lost.get(key) ?? 0;
      if (queue.length >= queueSize) {
        lost.set(key, missed + 1 + event.droppedBefore);
        return false;
      }
      if (missed > 0) lost.delete(key);
      const delivered = missed > 0 ? { ...event, droppedBefore: event.droppedBefore + missed } : event;
      const reader = waiting.shift();
      if (reader) reader({ done: false, value: delivered });
      else queue.push(delivered);
      return true;
    },
    events: {
      [Symbol.asyncIterator]() {
        return this;
      },
      next() {
        const event = queue.shift();
        if (event) return Promise.resolve({ done: false, value: event });
        if (!open) return Promise.resolve({ done: true, value: undefined });
        return new Promise((resolve) => waiting.push(resolve));
      },
      return() {
        end();
        return Promise.resolve({ done: true, value: undefined });
      },
    },
  };
}
