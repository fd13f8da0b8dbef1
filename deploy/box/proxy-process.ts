import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BoxError } from './errors.ts';
import { forgetPid, recordPid } from './leftovers.ts';
import { configFile, logFile, type BoxPlan } from './plan.ts';
import { proxyConfig } from './written-files.ts';

export interface ProxyProcess extends AsyncDisposable {
  readonly pid: number;
  /** Resolves when the process ends, with how: `exit code 1`, `SIGKILL`. */
  readonly ended: Promise<string>;
}

const READY_MS = 20_000;
/** mc-proxy itself is gone one second after its shutdown_timeout of 3 s. */
const STOP_MS = 6000;
const SHOWN_LINES = 10;

/**
 * Writes mc-proxy.toml and starts bin/mc-proxy on it; resolves when its health check answers.
 * @throws BoxError with the end of its log; what aborted the signal
 */
export async function startProxy(root: string, plan: BoxPlan, signal: AbortSignal): Promise<ProxyProcess> {
  writeFileSync(configFile(plan.dir), proxyConfig(plan), { mode: 0o600 });
  const child = spawnProxy(root, plan.dir);
  const ended = once(child, 'exit').then(([code, killer]) => String(killer ?? `exit code ${code}`));
  const stop = async (): Promise<void> => {
    await stopChild(child, ended);
    forgetPid(plan.dir);
  };
  try {
    await Promise.race([
      healthy(plan, signal),
      ended.then((how) => Promise.reject(failure(plan.dir, `mc-proxy ended (${how}) before it was ready`))),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: child.pid ?? 0, ended, [Symbol.asyncDispose]: stop };
}

/** Says what happened to mc-proxy, with the end of its log. */
export function failure(dir: string, what: string): BoxError {
  const log = logFile(dir);
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-SHOWN_LINES);
  return new BoxError(`${what}. The end of its log:\n  ${lines.join('\n  ')}`, `All of it: ${log}`);
}

/**
 * However this program ends, mc-proxy does too: by a signal at our death where there is setpriv, else by the next start, which finds
 * its pid. It runs only once that pid is on disk: it waits for a line that a dead parent never sends.
 */
function spawnProxy(root: string, dir: string): ChildProcess {
  const log = openLog(logFile(dir));
  const server = [join(root, 'bin/mc-proxy'), 'server', '--config', configFile(dir)];
  const [command = '', ...args] = [...deathSignal(), 'sh', '-c', 'read -r go && exec "$@" </dev/null', 'sh', ...server];
  // A process group of its own: Ctrl-C reaches this program only, which then stops mc-proxy in its own order.
  const child = spawn(command, args, { stdio: ['pipe', log, log], detached: true, env: environment() });
  closeSync(log);
  if (child.pid !== undefined) recordPid(dir, child.pid);
  // One that died before reading the line is reported by its exit.
  child.stdin?.on('error', () => child.stdin?.destroy());
  child.stdin?.end('go\n');
  return child;
}

/** SIGKILL, since the origins die with us: there is nothing to drain to. */
function deathSignal(): string[] {
  const prefix = ['setpriv', '--pdeathsig', 'KILL', '--'];
  return spawnSync('setpriv', [...prefix.slice(1), 'true'], { stdio: 'ignore' }).status === 0 ? prefix : [];
}

/** One log a start; that of the start before is kept beside it. */
function openLog(file: string): number {
  if (existsSync(file)) renameSync(file, `${file}.1`);
  return openSync(file, 'a', 0o600);
}

/** Without what would change mc-proxy's settings or make it speak to a service manager that waits for somebody else. */
function environment(): NodeJS.ProcessEnv {
  const foreign = /^(MC_PROXY_|LISTEN_|WATCHDOG_|NOTIFY_SOCKET$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

async function healthy({ dir, metricsPort }: BoxPlan, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + READY_MS;
  while (Date.now() < deadline) {
    signal.throwIfAborted();
    if (await answersHealth(metricsPort)) return;
    await delay(50);
  }
  throw failure(dir, `mc-proxy was not healthy after ${READY_MS / 1000} s`);
}

function answersHealth(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = request({ host: '127.0.0.1', port, path: '/v1/health', timeout: 1000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    probe.on('timeout', () => probe.destroy(new Error('no answer')));
    // Refused or broken off: not ready yet; the caller asks again until its deadline.
    probe.on('error', () => resolve(false));
    probe.end();
  });
}

async function stopChild(child: ChildProcess, ended: Promise<string>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const overdue = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(overdue);
}
