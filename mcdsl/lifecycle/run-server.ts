import { createHealth } from '../health/index.ts';
import type { Health } from '../health/index.ts';
import type { Logger } from '../logging/index.ts';
import { createNotifier } from '../systemd/index.ts';
import { exitCode } from '../terminal/index.ts';
import type { ExitCode } from '../terminal/index.ts';
import { createDrainProgress } from './drain-control.ts';
import type { DrainControl } from './drain-control.ts';
import { errorFields } from './error-fields.ts';
import { startLastResort } from './last-resort.ts';
import { createReloadQueue } from './reload.ts';
import { disposeWithin, drainUntil, killQuietly } from './shutdown.ts';

/** What a started server lets the lifecycle do with it. */
export type RunningServer = {
  /** `shutdown_timeout` as configured now. */
  shutdownTimeoutMs(): number;
  /** Takes no new work and resolves when nothing is under way. The signal aborts at the deadline. */
  drain(signal: AbortSignal): Promise<void>;
  /** Cuts off what is under way, at once (by RST). Called at the deadline, at a second signal and in a crash. */
  kill(): void;
  /** Connections or requests under way. */
  remaining(): number;
  /** SIGHUP. When it throws, nothing has changed. */
  reload(): Promise<void>;
};

/** What `start` is given. */
export type Lifecycle = {
  /** Disposed in reverse order after draining; also when `start` throws half way. */
  readonly stack: AsyncDisposableStack;
  /** Aborts when the shutdown begins, also during `start`. */
  readonly signal: AbortSignal;
  /** Shown by the admin socket. Its part `server` is the lifecycle's: serving from ready to shutdown. */
  readonly health: Health;
  /** For the Drain service. */
  readonly drain: DrainControl;
};

export type RunOptions = {
  readonly logger: Logger & { flush(timeoutMs: number): void };
  /** What to exit with when `start` throws this; 1 when left out. */
  readonly startExitCode?: (error: unknown) => ExitCode;
};

// The process is gone one second after the deadline: half of it is for closing, the rest for the thread of last resort.
const closeGraceMs = 500;
const lastResortMs = 900;
// A shutdown that comes before the server is up waits for the start to end, but not for long.
const startGraceMs = 5_000;
const flushMs = 100;

type ShutdownRequest = { readonly reason: string; readonly timeoutMs: number | null };

/**
 * Runs a server for the life of the process: start, READY=1, serve, SIGHUP → reload, SIGTERM, SIGINT or Drain → drain
 * until `shutdown_timeout` → kill → close → exit. A second signal ends at once; an exception that nobody catches is
 * logged and ends with code 1. Whatever handles stay open, the process is gone one second after the deadline.
 *
 * Never returns. Exit codes: 0 after a shutdown, cut off or not; 1 when starting, draining or closing failed; 130 after a
 * second SIGINT, 1 after a second SIGTERM.
 */
export async function runServer(
  options: RunOptions,
  start: (lifecycle: Lifecycle) => Promise<RunningServer>,
): Promise<never> {
  const { logger } = options;
  const notifier = createNotifier({ logger });
  const stack = new AsyncDisposableStack();
  const health = createHealth(['server']);
  const requested = Promise.withResolvers<ShutdownRequest>();
  const stopping = new AbortController();
  let server: RunningServer | null = null;
  let reloads: { request(): void } | null = null;
  let reloadWaits = false;

  const exit = (code: number): never => {
    logger.flush(flushMs);
    return process.exit(code);
  };
  const requestShutdown = (request: ShutdownRequest): void => {
    if (stopping.signal.aborted) return;
    logger.info('shutting down', { reason: request.reason });
    health.shutDown('shutting down');
    stopping.abort(new Error(`shutting down: ${request.reason}`));
    requested.resolve(request);
  };
  const onStopSignal = (signal: 'SIGTERM' | 'SIGINT'): void => {
    if (!stopping.signal.aborted) return requestShutdown({ reason: signal, timeoutMs: null });
    logger.warn('a second signal ends the server at once', { signal });
    killQuietly(server, logger);
    exit(signal === 'SIGINT' ? exitCode.interrupted : exitCode.failed);
  };
  process.on('SIGTERM', onStopSignal);
  process.on('SIGINT', onStopSignal);
  process.on('SIGHUP', () => {
    if (stopping.signal.aborted) logger.info('SIGHUP while shutting down is ignored');
    else if (reloads === null) reloadWaits = true;
    else reloads.request();
  });
  // Also for rejections that nobody handles: past this point the state of the process is unknown.
  process.on('uncaughtException', (err, origin) => {
    logger.fatal('the server crashed', { err, origin });
    killQuietly(server, logger);
    exit(exitCode.failed);
  });

  // Waiting for a signal keeps no event loop alive: without this a start that waits would end the process with code 13.
  setInterval(() => undefined, 2 ** 30);

  const progress = createDrainProgress({
    begin: (timeoutMs) => requestShutdown({ reason: 'drain', timeoutMs }),
    remaining: () => server?.remaining() ?? 0,
  });
  stack.use(notifier);
  const lifecycle: Lifecycle = { stack, signal: stopping.signal, health, drain: progress.control };

  const started = start(lifecycle);
  const failedStart = async (err: unknown): Promise<never> => {
    if (stopping.signal.aborted) logger.info('start given up', errorFields(err));
    else logger.fatal('the server could not start', errorFields(err));
    startLastResort(closeGraceMs + lastResortMs, logger);
    await disposeWithin(stack, closeGraceMs, logger);
    return exit(stopping.signal.aborted ? exitCode.ok : (options.startExitCode?.(err) ?? exitCode.failed));
  };
  try {
    server = await Promise.race([started, startGrace(requested.promise)]);
  } catch (err) {
    return failedStart(err);
  }
  const running = server;
  if (!stopping.signal.aborted) {
    reloads = createReloadQueue({ reload: () => running.reload(), logger, notifier });
    health.set('server', 'serving');
    notifier.ready('serving');
    notifier.startWatchdog();
    if (reloadWaits) reloads.request();
  }

  const request = await requested.promise;
  const timeoutMs = request.timeoutMs ?? running.shutdownTimeoutMs();
  const deadline = Date.now() + timeoutMs;
  startLastResort(timeoutMs + lastResortMs, logger);
  notifier.stopping(`draining, ${running.remaining()} under way`);
  progress.draining(new Date(deadline));
  const outcome = await drainUntil(running, timeoutMs, logger);
  progress.drained();
  logger.info('drained', { outcome });
  const closed = await disposeWithin(stack, Math.max(0, deadline - Date.now()) + closeGraceMs, logger);
  logger.info('stopped');
  return exit(outcome === 'failed' || !closed ? exitCode.failed : exitCode.ok);
}

/** Rejects when the start takes too long after a shutdown was asked for. */
async function startGrace(requested: Promise<unknown>): Promise<never> {
  await requested;
  await new Promise((resolve) => setTimeout(resolve, startGraceMs));
  throw new Error(`shut down before the start ended, which took more than ${startGraceMs} ms longer`);
}
