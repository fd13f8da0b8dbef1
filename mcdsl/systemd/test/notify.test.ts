import { describe, expect, it } from 'vitest';

import { recordingLogger } from '../../grpc/test/fixture.ts';
import { createNotifier } from '../index.ts';
import { watchdogIntervalMs } from '../notify.ts';
import { installed, startManager } from './fixture.ts';

const missing = ['systemd-notify', 'python3'].filter((program) => !installed(program));

describe('notifier', () => {
  it.skipIf(missing.length > 0)(
    `speaks to a real socket, in order (needs ${missing.join(', ') || 'nothing'})`,
    async () => {
      await using manager = await startManager();
      const before = process.hrtime.bigint() / 1000n;
      const logger = recordingLogger();
      const env = { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: '200000' };
      await using notifier = createNotifier({ logger, env });
      notifier.ready('serving\nMAINPID=1');
      notifier.reloading();
      notifier.ready('serving');
      notifier.stopping('draining');
      expect(await manager.next()).toEqual(['READY=1', 'STATUS=serving MAINPID=1']);
      const [reloading, usec] = await manager.next();
      expect(reloading).toBe('RELOADING=1');
      expect(BigInt(usec!.replace('MONOTONIC_USEC=', ''))).toBeGreaterThanOrEqual(before);
      expect(await manager.next()).toEqual(['READY=1', 'STATUS=serving']);
      expect(await manager.next()).toEqual(['STOPPING=1', 'STATUS=draining']);
      notifier.startWatchdog();
      expect(await manager.next()).toEqual(['WATCHDOG=1']);
      expect(await manager.next()).toEqual(['WATCHDOG=1']);
      expect(logger.lines).toEqual([]);
    },
  );

  it('sends nothing without a manager', async () => {
    const sent: unknown[] = [];
    for (const env of [{}, { NOTIFY_SOCKET: '' }]) {
      await using notifier = createNotifier({ logger: recordingLogger(), env, send: async (m) => void sent.push(m) });
      notifier.ready('serving');
      notifier.startWatchdog();
    }
    expect(sent).toEqual([]);
  });

  it('says once what to do when systemd-notify is missing', async () => {
    const logger = recordingLogger();
    const send = () => Promise.reject(Object.assign(new Error('spawn systemd-notify ENOENT'), { code: 'ENOENT' }));
    const notifier = createNotifier({ logger, env: { NOTIFY_SOCKET: '/nowhere' }, send });
    notifier.ready('serving');
    notifier.status('fine');
    await notifier.settled();
    expect(logger.lines.map((line) => line.msg)).toEqual([expect.stringContaining('install the systemd package')]);
  });

  it('keeps the order when messages take time', async () => {
    const sent: string[] = [];
    const send = async (message: readonly string[]): Promise<void> => {
      if (sent.length === 0) await new Promise((resolve) => setImmediate(resolve));
      sent.push(message[0] ?? '');
    };
    const notifier = createNotifier({ logger: recordingLogger(), env: { NOTIFY_SOCKET: '/x' }, send });
    notifier.ready('a');
    notifier.stopping('b');
    await notifier.settled();
    expect(sent).toEqual(['READY=1', 'STOPPING=1']);
  });

  it.each([
    [{ WATCHDOG_USEC: '30000000' }, 15_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' }, 15_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '8' }, null],
    [{ WATCHDOG_USEC: '1' }, 1],
    [{ WATCHDOG_USEC: '999999999999999' }, 2 ** 31 - 1],
    [{ WATCHDOG_USEC: '0' }, null],
    [{ WATCHDOG_USEC: '-5' }, null],
    [{ WATCHDOG_USEC: '3s' }, null],
    [{}, null],
  ])('beats for %j every %s ms', (env, expected) => {
    expect(watchdogIntervalMs(env, 7)).toBe(expected);
  });
});
