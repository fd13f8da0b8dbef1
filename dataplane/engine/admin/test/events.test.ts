import { afterEach, beforeEach, expect, it } from 'vitest';

import { EventsRequest } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import type { Event } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { codeOf } from './messages.ts';
import { startAdmin } from './running-admin.ts';
import type { AdminClient, RunningAdmin } from './running-admin.ts';

let running: RunningAdmin;
let connection: Disposable & { readonly admin: AdminClient };

beforeEach(async () => {
  running = await startAdmin();
  connection = await running.connect();
});

afterEach(async () => {
  connection[Symbol.dispose]();
  await running[Symbol.asyncDispose]();
});

const refuse = (client: string, reason = 'blocked_ip', detail = ''): void =>
  running.events.record({ kind: 'refused', reason, client, detail });

const open = (fields: Partial<EventsRequest>, signal?: AbortSignal): AsyncIterator<Event> =>
  connection.admin.events(EventsRequest.fromPartial(fields), signal ? { signal } : {})[Symbol.asyncIterator]();

async function next(stream: AsyncIterator<Event>): Promise<string> {
  const { done, value } = await stream.next();
  return done === true ? 'end' : `${value.client} ${value.reason}`;
}

/** Resolves when nobody subscribes any more: the state of the server, reached by its own turns. */
async function unsubscribed(): Promise<void> {
  while (running.events.subscribers > 0) await new Promise((resolve) => setImmediate(resolve));
}

it('answers what is kept and ends, by reason, address and number', async () => {
  refuse('203.0.113.1');
  refuse('203.0.113.2', 'no_sni');
  refuse('203.0.113.2');
  const all = async (fields: Partial<EventsRequest>): Promise<string[]> => {
    const found: string[] = [];
    for await (const event of connection.admin.events(EventsRequest.fromPartial(fields))) found.push(event.client);
    return found;
  };
  expect(await all({})).toEqual(['203.0.113.1', '203.0.113.2', '203.0.113.2']);
  expect(await all({ last: 1 })).toEqual(['203.0.113.2']);
  expect(await all({ reason: 'no_sni' })).toEqual(['203.0.113.2']);
  expect(await all({ ip: '::ffff:203.0.113.1' })).toEqual(['203.0.113.1']);
});

it('follows: what is kept, then what comes, none missed and none twice', async () => {
  refuse('203.0.113.1');
  const stream = open({ follow: true });
  expect(await next(stream)).toBe('203.0.113.1 blocked_ip');
  refuse('203.0.113.2');
  refuse('203.0.113.3');
  expect(await next(stream)).toBe('203.0.113.2 blocked_ip');
  expect(await next(stream)).toBe('203.0.113.3 blocked_ip');
  await stream.return?.();
  await unsubscribed();
});

it('lets go of a subscription when its caller cancels', async () => {
  refuse('203.0.113.1');
  const controller = new AbortController();
  const stream = open({ follow: true }, controller.signal);
  await next(stream);
  expect(running.events.subscribers).toBe(1);
  controller.abort();
  await expect(stream.next()).rejects.toMatchObject({ code: 'cancelled' });
  await unsubscribed();
});

it('bounds what a slow reader holds, and tells it how many events it lost', async () => {
  refuse('203.0.113.1');
  const stream = open({ follow: true });
  await next(stream);
  // More than the transport's windows and the queue take, while nobody reads.
  const detail = 'x'.repeat(4096);
  const total = 20_000;
  for (let sent = 0; sent < total; sent++) {
    refuse('203.0.113.2', 'blocked_ip', detail);
    if (sent % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const { dropped } = running.events;
  expect(dropped).toBeGreaterThan(total / 4);
  let lost = 0;
  for (let received = 0; received < total - dropped; received++) {
    lost += ((await stream.next()).value as Event).droppedBefore;
  }
  // Room again: the next event of the kind brings what is left of the count.
  refuse('203.0.113.2', 'blocked_ip', 'late');
  const late = (await stream.next()).value as Event;
  expect(late.detail).toBe('late');
  expect(lost + late.droppedBefore).toBe(dropped);
  await stream.return?.();
});

it('ends streams at shutdown', async () => {
  refuse('203.0.113.1');
  const stream = open({ follow: true });
  await next(stream);
  const ended = codeOf(stream.next());
  await running.shutDown();
  expect(await ended).toBe('draining');
  await unsubscribed();
});

it('refuses filters that would match nothing for ever', async () => {
  await expect(open({ reason: 'blocked' }).next()).rejects.toMatchObject({
    code: 'invalid_argument',
    message: expect.stringContaining('blocked_ip, blocked_cidr'),
  });
  expect(await codeOf(open({ ip: 'localhost' }).next())).toBe('invalid_argument');
});
