import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { createEventLog } from './index.ts';

function refused(client: string, reason = 'blocked_ip') {
  return { kind: 'refused', reason, client };
}

describe('event log', () => {
  it('keeps the newest events up to its capacity, oldest first', () => {
    const log = createEventLog({ capacity: 3, now: () => 5_000 });
    for (let i = 1; i <= 5; i++) log.record(refused(`192.0.2.${i}`));
    expect(log.recent().map((event) => event.client)).toEqual(['192.0.2.3', '192.0.2.4', '192.0.2.5']);
    expect(log.recent({}, 2).map((event) => event.client)).toEqual(['192.0.2.4', '192.0.2.5']);
    expect(log.recent()[0]).toMatchObject({ time: new Date(5_000), kind: 'refused', listener: '', droppedBefore: 0 });
    expect(log.kept).toBe(3);
  });

  it('filters by reason and by any spelling of an address', () => {
    const log = createEventLog();
    log.record(refused('192.0.2.1'));
    log.record(refused('2001:db8::1', 'no_sni'));
    log.record({ kind: 'route', detail: 'added' });
    expect(log.recent({ reason: 'no_sni' })).toHaveLength(1);
    expect(log.recent({ ip: '::ffff:192.0.2.1' })).toHaveLength(1);
    expect(log.recent({ ip: '2001:DB8:0::1', reason: 'no_sni' })).toHaveLength(1);
    expect(log.recent({ ip: '2001:db8::1', reason: 'blocked_ip' })).toHaveLength(0);
    expect(log.recent({ ip: 'nonsense' })).toHaveLength(0);
  });

  it('streams matching events from the moment of the call until the signal aborts', async () => {
    const log = createEventLog();
    const stop = new AbortController();
    log.record(refused('192.0.2.9'));
    const events = log.subscribe({ reason: 'blocked_ip' }, stop.signal);
    log.record(refused('192.0.2.1'));
    log.record(refused('192.0.2.2', 'no_sni'));
    log.record(refused('192.0.2.3'));
    expect((await events.next()).value?.client).toBe('192.0.2.1');
    expect((await events.next()).value?.client).toBe('192.0.2.3');
    const pending = events.next();
    stop.abort();
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(log.subscribers).toBe(0);
  });

  it('ends at once for a signal that aborted before', async () => {
    const log = createEventLog();
    const events = log.subscribe({}, AbortSignal.abort());
    expect(log.subscribers).toBe(0);
    expect((await events.next()).done).toBe(true);
  });

  it('leaves no subscriber behind when the reader breaks off', async () => {
    const log = createEventLog();
    const events = log.subscribe({}, new AbortController().signal);
    log.record(refused('192.0.2.1'));
    for await (const event of events) {
      expect(event.client).toBe('192.0.2.1');
      break;
    }
    expect(log.subscribers).toBe(0);
  });

  it('bounds the queue of a slow reader and tells how many of each kind and reason it lost', async () => {
    const log = createEventLog({ queueSize: 2 });
    const events = log.subscribe({}, new AbortController().signal);
    log.record(refused('192.0.2.1'));
    log.record(refused('192.0.2.2'));
    log.record(refused('192.0.2.3'));
    log.record({ ...refused('192.0.2.4'), droppedBefore: 5 });
    log.record(refused('192.0.2.5', 'no_sni'));
    expect(log.dropped).toBe(3);
    expect((await events.next()).value?.client).toBe('192.0.2.1');
    expect((await events.next()).value?.client).toBe('192.0.2.2');
    log.record(refused('192.0.2.6'));
    log.record(refused('192.0.2.7', 'no_sni'));
    expect((await events.next()).value).toMatchObject({ client: '192.0.2.6', droppedBefore: 7 });
    expect((await events.next()).value).toMatchObject({ client: '192.0.2.7', droppedBefore: 1 });
  });

  it('accounts for every event, delivered or dropped, whatever the pace of the reader', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 60 }), async (steps) => {
        const log = createEventLog({ queueSize: 3 });
        const stop = new AbortController();
        const events = log.subscribe({}, stop.signal);
        const model = { queued: 0, sent: 0, accounted: 0 };
        const read = async (): Promise<void> => {
          const { value } = await events.next();
          model.accounted += 1 + (value?.droppedBefore ?? 0);
          model.queued--;
        };
        for (const send of steps) {
          if (send) {
            log.record(refused('192.0.2.1'));
            model.sent++;
            model.queued = Math.min(model.queued + 1, 3);
          } else if (model.queued > 0) await read();
        }
        while (model.queued > 0) await read();
        log.record(refused('192.0.2.1'));
        model.queued = 1;
        await read();
        stop.abort();
        expect(model.accounted).toBe(model.sent + 1);
      }),
    );
  });
});
