import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { treePids } from './cpu.ts';
import type { Command } from './model.ts';
import { programPath } from './parts.ts';

/** A server that listens. */
export interface Server extends AsyncDisposable {
  readonly pid: number;
  /** Rejects when the process ends, with the end of its log. Never resolves. */
  readonly failure: Promise<never>;
  ended(): boolean;
}

export interface ServerOptions {
  readonly command: Command;
  readonly port: number;
  /** Gets stdout and stderr. */
  readonly logFile: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

const READY_MS = 30_000;
const STOP_MS = 5000;
/** What a load may take longer than it was told to. */
const OVERTIME_MS = 60_000;

/** Resolves when the server accepts connections on 127.0.0.1. */
export async function startServer({ command, port, logFile, env = {}, signal }: ServerOptions): Promise<Server> {
  const [program, ...args] = command;
  const log = openSync(logFile, 'a');
  const child = spawn(program, args, { stdio: ['ignore', log, log], env: { ...baseEnv(), ...env } });
  closeSync(log);
  const ended = childEnd(child);
  const failure = ended.then((how) => Promise.reject(new Error(`${program} ${how}\n${tail(logFile)}`)));
  // Whoever waits for the server to be ready or for a load looks at it; at other times it is no one's.
  failure.catch(() => undefined);
  const stop = (): Promise<void> => stopTree(child, ended);
  try {
    await Promise.race([untilAccepting(port, `${program} (log ${logFile})`, signal), failure]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: child.pid ?? 0, failure, ended: () => hasEnded(child), [Symbol.asyncDispose]: stop };
}

export interface LoadRun {
  readonly stdout: string;
  readonly elapsedMs: number;
}

export interface LoadOptions {
  readonly seconds: number;
  readonly env?: NodeJS.ProcessEnv;
  /** Called when the first output comes. */
  readonly onOutput?: () => void;
  readonly signal: AbortSignal;
}

/** Runs a load to its end. Rejects when it ends with an error, takes far too long, or the signal aborts. */
export async function runLoad(
  [program, ...args]: Command,
  { seconds, env = {}, onOutput = () => undefined, signal }: LoadOptions,
): Promise<LoadRun> {
  const startMs = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...baseEnv(), ...env } });
  const ended = childEnd(child);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000 + OVERTIME_MS)]);
  const kill = (): void => void child.kill('SIGKILL');
  limit.addEventListener('abort', kill, { once: true });
  child.stdout.once('data', onOutput);
  try {
    const [how, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    limit.throwIfAborted();
    if (how !== ENDED_WELL) throw new Error(`${program} ${how}: ${stderr.trim().slice(-1000)}`);
    return { stdout, elapsedMs: performance.now() - startMs };
  } finally {
    limit.removeEventListener('abort', kill);
  }
}

const ENDED_WELL = 'ended with exit code 0';

function baseEnv(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: programPath() };
}

/** Resolves with how it ended, also when it could not be started. */
function childEnd(child: ChildProcess): Promise<string> {
  return once(child, 'exit').then(
    ([code, signal]) => (code === null ? `was ended by ${signal}` : `ended with exit code ${code}`),
    (error: Error) => `cannot be started: ${error.message}`,
  );
}

function hasEnded({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid === undefined || exitCode !== null || signalCode !== null;
}

async function stopTree(child: ChildProcess, ended: Promise<string>): Promise<void> {
  if (hasEnded(child)) return;
  const pids = child.pid === undefined ? [] : treePids(child.pid);
  child.kill('SIGTERM');
  const overdue = setTimeout(() => pids.forEach(killHard), STOP_MS);
  await ended;
  clearTimeout(overdue);
}

function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function untilAccepting(port: number, who: string, signal: AbortSignal): Promise<void> {
  const deadlineMs = performance.now() + READY_MS;
  while (performance.now() < deadlineMs) {
    if (await accepts(port)) return;
    await delay(20, undefined, { signal });
  }
  throw new Error(`${who} does not listen on port ${port} after ${READY_MS / 1000} s`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Not there yet; the caller asks again until its deadline.
    socket.once('error', () => resolve(false));
  });
}

function tail(file: string, lines = 20): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}
