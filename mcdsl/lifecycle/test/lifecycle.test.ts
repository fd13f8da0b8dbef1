import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { DrainService, DrainState } from '../../../proto/gen/mcdsl/v1/admin.ts';
import { connectUnix } from '../../grpc/index.ts';
import { installed, startManager } from '../../systemd/test/fixture.ts';
import { startProcess } from './fixture.ts';
import type { Process } from './fixture.ts';

function messages(server: Process): string[] {
  return server.lines.map((line) => line.msg);
}

describe('PX-20 stopping', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    '%s drains, closes and exits with 0, whatever handles stay open',
    async (signal) => {
      await using server = startProcess([]);
      await server.said('up');
      server.send(signal);
      expect(await server.ended).toBe(0);
      const told = ['up', 'shutting down', 'health', 'draining', 'drained', 'closing', 'stopped'];
      expect(messages(server)).toEqual(told);
      expect(server.lines[2]).toMatchObject({ status: 'not_serving', reason: 'shutting down' });
    },
  );

  it('cuts off what is left at the deadline and exits with 0', async () => {
    await using server = startProcess(['drain=wait', 'timeout=100']);
    await server.said('up');
    server.send('SIGTERM');
    expect(await server.ended).toBe(0);
    expect(messages(server)).toContain('killed');
    expect(server.lines).toContainEqual(expect.objectContaining({ level: 'warn', remaining: 7 }));
    expect(server.lines).toContainEqual(expect.objectContaining({ msg: 'drained', outcome: 'cut-off' }));
  });

  it('ends at the deadline even when a part never closes', async () => {
    await using server = startProcess(['dispose=never', 'drain=wait', 'timeout=100']);
    await server.said('up');
    server.send('SIGTERM');
    expect(await server.ended).toBe(1);
    expect(messages(server)).toContain('parts of the server did not close in time');
  });

  it.each(['drain=block', 'dispose=block'])('ends even when its main thread hangs (%s)', async (how) => {
    await using server = startProcess([how, 'timeout=100']);
    await server.said('up');
    server.send('SIGTERM');
    expect(await server.ended).toBe('SIGKILL');
  });

  it('ends at once at a second signal', async () => {
    for (const [second, code] of [
      ['SIGTERM', 1],
      ['SIGINT', 130],
    ] as const) {
      await using server = startProcess(['drain=wait']);
      await server.said('up');
      server.send('SIGTERM');
      await server.said('draining');
      server.send(second);
      expect(await server.ended).toBe(code);
      expect(messages(server)).toContain('killed');
    }
  });

  it.each([['drain=throw'], ['dispose=throw'], ['drain=throw', 'kill=throw']])(
    'exits with 1 when %s',
    async (...how) => {
      await using server = startProcess(how);
      await server.said('up');
      server.send('SIGTERM');
      expect(await server.ended).toBe(1);
      expect(messages(server)).toContain('closing');
    },
  );

  it('ends when told to while it starts, fast or hanging', async () => {
    await using slow = startProcess(['start=slow']);
    await using hanging = startProcess(['start=wait']);
    await Promise.all([slow.said('starting'), hanging.said('starting')]);
    slow.send('SIGTERM');
    hanging.send('SIGTERM');
    expect(await slow.ended).toBe(0);
    expect(messages(slow)).toContain('stopped');
    expect(await hanging.ended).toBe(0);
    expect(messages(hanging)).toContain('start given up');
  });
});

describe('failing', () => {
  it('exits with 1 when it cannot start, having closed what was open', async () => {
    await using server = startProcess(['start=throw']);
    expect(await server.ended).toBe(1);
    expect(server.lines).toMatchObject([{ level: 'fatal', msg: 'the server could not start' }, { msg: 'closing' }]);
  });

  it.each(['reject', 'throw'])('logs what nobody catches (%s), cuts off and exits with 1', async (how) => {
    await using server = startProcess([]);
    await server.said('up');
    server.type(how);
    expect(await server.ended).toBe(1);
    expect(server.lines).toContainEqual(expect.objectContaining({ level: 'fatal', msg: 'the server crashed' }));
    expect(messages(server)).toContain('killed');
  });
});

describe('SIGHUP', () => {
  it('reloads', async () => {
    await using server = startProcess([]);
    await server.said('up');
    server.send('SIGHUP');
    await server.said('configuration reloaded');
    server.send('SIGTERM');
    expect(await server.ended).toBe(0);
  });

  it('keeps the old configuration when the new one is wrong', async () => {
    await using server = startProcess(['reload=throw']);
    await server.said('up');
    server.send('SIGHUP');
    const line = await server.said('reload failed, the old configuration stays');
    expect(JSON.stringify(line)).toContain('line 3 is wrong');
    server.send('SIGHUP');
    await server.said('reload failed, the old configuration stays');
    server.send('SIGTERM');
    expect(await server.ended).toBe(0);
  });
});

const missing = ['systemd-notify', 'python3'].filter((program) => !installed(program));

describe('the service manager', () => {
  it.skipIf(missing.length > 0)(`hears of each step (needs ${missing.join(', ') || 'nothing'})`, async () => {
    await using manager = await startManager();
    await using server = startProcess(['reload=throw', 'drain=wait'], { NOTIFY_SOCKET: manager.path });
    expect(await manager.next()).toEqual(['READY=1', 'STATUS=serving']);
    server.send('SIGHUP');
    expect(await manager.next()).toEqual(['RELOADING=1', expect.stringMatching(/^MONOTONIC_USEC=\d+$/)]);
    expect(await manager.next()).toEqual(['READY=1', 'STATUS=serving with the old configuration: line 3 is wrong']);
    server.send('SIGTERM');
    expect(await manager.next()).toEqual(['STOPPING=1', 'STATUS=draining, 7 under way']);
    server.type('finish');
    expect(await server.ended).toBe(0);
  });
});

describe('the Drain service', () => {
  it('begins the shutdown and shows it to its end', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mc-drain-'));
    try {
      const path = join(folder, 'a');
      await using server = startProcess(['drain=wait', `admin=${path}`]);
      await server.said('up');
      using connection = await connectUnix(path);
      const client = connection.client(DrainService);
      const watch = client.watchDrain({})[Symbol.asyncIterator]();
      const next = async () =>
        ((await watch.next()).value as { status: { state: DrainState } } | undefined)?.status.state;
      expect(await next()).toBe(DrainState.SERVING);
      const { status } = await client.beginDrain({ timeoutMs: 45_000 });
      expect(status).toMatchObject({ state: expect.any(Number), remaining: 7 });
      expect(await next()).toBe(DrainState.DRAINING);
      server.type('finish');
      let state = await next();
      while (state === DrainState.DRAINING) state = await next();
      expect(state).toBe(DrainState.DRAINED);
      expect(await server.ended).toBe(0);
      expect(server.lines).toContainEqual(expect.objectContaining({ msg: 'shutting down', reason: 'drain' }));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
