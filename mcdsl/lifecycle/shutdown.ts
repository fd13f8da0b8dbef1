import type { Logger } from '../logging/index.ts';
import type { RunningServer } from './run-server.ts';

export type DrainOutcome = 'drained' | 'cut-off' | 'failed';

/** Waits for `server.drain` until the deadline, then cuts off what is left. Never throws and never waits longer. */
export async function drainUntil(server: RunningServer, deadlineMs: number, logger: Logger): Promise<DrainOutcome> {
  const controller = new AbortController();
  const late = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => {
    controller.abort(new Error('shutdown_timeout passed'));
    late.resolve('late');
  }, deadlineMs);
  try {
    const result = await Promise.race([server.drain(controller.signal).then(() => 'drained' as const), late.promise]);
    if (result === 'drained' && !controller.signal.aborted) return 'drained';
    logger.warn('shutdown_timeout passed: what is left is cut off', { remaining: server.remaining() });
    server.kill();
    return 'cut-off';
  } catch (err) {
    logger.error('draining failed: what is left is cut off', { err });
    killQuietly(server, logger);
    return 'failed';
  } finally {
    clearTimeout(timer);
  }
}

/** For the ways out on which nothing may fail any more. */
export function killQuietly(server: RunningServer | null, logger: Logger): void {
  try {
    server?.kill();
  } catch (err) {
    logger.error('connections could not be cut off', { err });
  }
}

/** Disposes within the time; false when it failed or took longer. */
export async function disposeWithin(stack: AsyncDisposableStack, limitMs: number, logger: Logger): Promise<boolean> {
  const late = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => late.resolve('late'), limitMs);
  try {
    const result = await Promise.race([stack.disposeAsync().then(() => 'done' as const), late.promise]);
    if (result === 'late') logger.warn('parts of the server did not close in time', { limit_ms: limitMs });
    return result === 'done';
  } catch (err) {
    logger.error('a part of the server failed to close', { err });
    return false;
  } finally {
    clearTimeout(timer);
  }
}
