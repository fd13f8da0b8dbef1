import { expect, it } from 'vitest';

import { recordingLogger } from '../grpc/test/fixture.ts';
import { createNotifier } from '../systemd/index.ts';
import { createReloadQueue } from './reload.ts';

it('reloads once more for any number of requests that come during a reload, and goes on after a failure', async () => {
  const sent: string[] = [];
  const logger = recordingLogger();
  const send = async ([first]: readonly string[]): Promise<void> => void sent.push(first ?? '');
  const notifier = createNotifier({ logger, env: { NOTIFY_SOCKET: '/x' }, send });
  const runs: PromiseWithResolvers<void>[] = [];
  const queue = createReloadQueue({
    logger,
    notifier,
    reload: () => {
      const run = Promise.withResolvers<void>();
      runs.push(run);
      return run.promise;
    },
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  queue.request();
  queue.request();
  queue.request();
  expect(runs).toHaveLength(1);
  runs[0]!.reject(new Error('line 3 is wrong'));
  await turn();
  expect(runs).toHaveLength(2);
  runs[1]!.resolve();
  await turn();
  expect(runs).toHaveLength(2);
  queue.request();
  runs[2]!.resolve();
  await turn();
  expect(logger.lines.map((line) => line.level)).toEqual(['error', 'info', 'info']);
  await notifier.settled();
  expect(sent.filter((message) => message === 'READY=1')).toHaveLength(3);
  expect(sent.filter((message) => message === 'RELOADING=1')).toHaveLength(3);
});
