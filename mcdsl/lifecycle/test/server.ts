// A server whose behaviour its arguments choose. It tells what happens in its log, which the tests wait for.
import { createInterface } from 'node:readline';
import { createServer } from 'node:net';

import { createAdminSocket } from '../../admin/index.ts';
import { createLogger } from '../../logging/index.ts';
import { createMetricsRegistry } from '../../metrics/index.ts';
import { runServer } from '../index.ts';

const settings = new Map(process.argv.slice(2).map((arg) => arg.split('=') as [string, string]));
const setting = (name: string): string => settings.get(name) ?? '';
const logger = createLogger({ service: 'demo', level: 'debug', pretty: false });
const never = new Promise<never>(() => undefined);

function block(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

await runServer({ logger }, async (lifecycle) => {
  const { stack } = lifecycle;
  stack.defer(() => logger.info('closing'));
  if (setting('start') === 'throw') throw new Error('port in use');
  if (setting('start') === 'wait') {
    logger.info('starting');
    await never;
  }
  if (setting('start') === 'slow') {
    logger.info('starting');
    await new Promise((resolve) => lifecycle.signal.addEventListener('abort', resolve));
  }
  // Handles that nobody closes must not keep the process.
  setInterval(() => undefined, 1000);
  createServer().listen(0, '127.0.0.1');
  if (setting('admin') !== '') {
    const stats = {
      service: 'demo',
      version: '1',
      databasePath: null,
      registry: createMetricsRegistry({ system: 'demo' }),
    };
    const { health, drain } = lifecycle;
    stack.use(await createAdminSocket({ path: setting('admin'), services: [], health, stats, drain, logger }));
  }
  if (setting('dispose') === 'throw') stack.defer(() => Promise.reject(new Error('cannot close')));
  if (setting('dispose') === 'never') stack.defer(() => never);
  if (setting('dispose') === 'block') stack.defer(block);
  lifecycle.signal.addEventListener('abort', () => logger.info('health', lifecycle.health.report().body));

  createInterface(process.stdin).on('line', (line) => {
    if (line === 'reject') void Promise.reject(new Error('nobody handles this'));
    if (line === 'throw') throw new Error('nobody catches this');
    if (line === 'finish') finish.resolve();
  });
  const finish = Promise.withResolvers<void>();
  setImmediate(() => logger.info('up'));
  return {
    shutdownTimeoutMs: () => Number(setting('timeout') || '60000'),
    remaining: () => 7,
    async drain() {
      logger.info('draining');
      if (setting('drain') === 'throw') throw new Error('cannot drain');
      if (setting('drain') === 'block') block();
      if (setting('drain') === 'wait') await finish.promise;
    },
    kill() {
      logger.info('killed');
      if (setting('kill') === 'throw') throw new Error('cannot kill');
    },
    async reload() {
      if (setting('reload') === 'throw') throw new Error('line 3 is wrong');
    },
  };
});
