import { spawn } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';

import { errnoOf } from '../errors/index.ts';
import type { Logger } from '../logging/index.ts';

/** The assignments of one message to the service manager, e.g. `['READY=1', 'STATUS=serving']` (sd_notify(3)). */
export type NotifyMessage = readonly string[];

/**
 * Tells the service manager how the process does. Nothing waits for it and nothing fails by it; messages arrive in the
 * order of the calls. Without `$NOTIFY_SOCKET` nothing is sent.
 */
export type Notifier = AsyncDisposable & {
  ready(status: string): void;
  /** To be followed by `ready` when the reload is over, whatever came of it. */
  reloading(): void;
  stopping(status: string): void;
  status(text: string): void;
  /** Sends WATCHDOG=1 at half of `$WATCHDOG_USEC`, from this thread: when its loop hangs, systemd ends the process. */
  startWatchdog(): void;
  /** When every message so far is sent or given up. */
  settled(): Promise<void>;
};

export type NotifierOptions = {
  readonly logger: Logger;
  readonly env?: Env;
  /** How one message leaves; Debian's systemd-notify when left out. */
  readonly send?: (message: NotifyMessage) => Promise<void>;
};

type Env = Readonly<Record<string, string | undefined>>;

// systemd-notify waits until the manager has read the message; a manager that does not is given up.
const sendTimeoutMs = 5_000;
const disposeWaitMs = 250;

export function createNotifier(options: NotifierOptions): Notifier {
  const { logger } = options;
  const env = options.env ?? process.env;
  const on = (env['NOTIFY_SOCKET'] ?? '') !== '';
  const send = options.send ?? ((message) => systemdNotify(message, env));
  let queue: Promise<void> = Promise.resolve();
  let failed = false;
  let beat: NodeJS.Timeout | null = null;
  let beating = false;

  const attempt = async (message: NotifyMessage): Promise<void> => {
    try {
      await send(message);
    } catch (err) {
      // Once: a watchdog that repeats it every few seconds would bury the rest of the log.
      if (!failed) logger.error(explain(err), { err, message: message[0] });
      failed = true;
    }
  };
  const post = (...message: string[]): Promise<void> => {
    if (on) queue = queue.then(() => attempt(message));
    return queue;
  };

  return {
    ready: (status) => void post('READY=1', statusLine(status)),
    // CLOCK_MONOTONIC, in which the manager orders this against its own SIGHUP (systemd.service(5), notify-reload).
    reloading: () => void post('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    stopping: (status) => void post('STOPPING=1', statusLine(status)),
    status: (text) => void post(statusLine(text)),
    startWatchdog() {
      const intervalMs = watchdogIntervalMs(env, process.pid);
      if (!on || intervalMs === null || beat !== null) return;
      beat = setInterval(() => {
        if (beating) return;
        beating = true;
        void post('WATCHDOG=1').then(() => {
          beating = false;
        });
      }, intervalMs);
      beat.unref();
    },
    settled: () => queue,
    async [Symbol.asyncDispose]() {
      if (beat !== null) clearInterval(beat);
      // A manager that is slow to read is no reason to be slow to stop.
      await Promise.race([queue, setTimeout(disposeWaitMs, undefined, { ref: false })]);
    },
  };
}

/** Half of `$WATCHDOG_USEC`, as sd_watchdog_enabled(3) advises; null when no watchdog waits for this process. */
export function watchdogIntervalMs(env: Env, pid: number): number | null {
  const { WATCHDOG_USEC: usec, WATCHDOG_PID: forPid } = env;
  if (usec === undefined || !/^[1-9][0-9]{0,14}$/.test(usec)) return null;
  if (forPid !== undefined && forPid !== String(pid)) return null;
  return Math.min(Math.max(Math.floor(Number(usec) / 2000), 1), 2 ** 31 - 1);
}

/** One line: a newline would begin another assignment. */
function statusLine(text: string): string {
  return `STATUS=${text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 500)}`;
}

function explain(error: unknown): string {
  return errnoOf(error) === 'ENOENT'
    ? 'systemd-notify is not installed, so systemd will not hear that this service is ready: install the systemd package, or use Type=exec without WatchdogSec'
    : 'systemd-notify failed, so systemd may not know how this service does';
}

/** Node has no datagram Unix sockets; the units accept messages of child processes (NotifyAccess=all). */
function systemdNotify(message: NotifyMessage, env: Env): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('systemd-notify', [...message], {
      // Inherited beside the given one for PATH, by which the program is found.
      env: { ...process.env, ...env },
      stdio: 'ignore',
      timeout: sendTimeoutMs,
      killSignal: 'SIGKILL',
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`systemd-notify ended with ${code === null ? signal : `exit code ${code}`}`));
    });
  });
}
