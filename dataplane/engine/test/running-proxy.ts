import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A real mc-proxy process on a configuration of the test's own. */
export interface RunningProxy extends AsyncDisposable {
  readonly dir: string;
  readonly socket: string;
  readonly pid: number;
  /** Every log line so far, oldest first. */
  readonly lines: readonly LogLine[];
  /** The port bound for the listener of this `addr`. */
  port(addr: string): number;
  readonly metricsPort: number;
  /** The first line, past or to come, that fits. Rejects when the process ends before. */
  line(fits: (line: LogLine) => boolean): Promise<LogLine>;
  /** The line of a refusal with this reason that comes after the call, or came since the last call for the same reason. */
  refusal(reason: string): Promise<LogLine>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  /** mcproxyctl against this process. */
  ctl(...args: string[]): Promise<CommandResult>;
  /** Rewrites the configuration file; a SIGHUP makes it count. */
  configure(toml: string): void;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export const ROOT = resolve(import.meta.dirname, '../../..');

export function makeTempDir(): string {
  return mkdtempSync(join(tmpdir(), 'mc-proxy-test-'));
}

export interface StartOptions {
  /** A directory to start in again; a fresh one when left out. */
  readonly dir?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly workers?: number;
  /** The text is the whole file, for files with tables of baseConfig; `env` then says what it must not leave to defaults. */
  readonly whole?: boolean;
  /** A command that runs the rest of its arguments, such as `ip netns exec NAME`. */
  readonly within?: readonly string[];
  /** More arguments of `mc-proxy server`. */
  readonly args?: readonly string[];
}

/** What each test's file holds besides its own: paths in the test's directory, ports that the kernel chooses. */
export function baseConfig(dir: string, workers = 2): string {
  return `[database]
path = "${dir}/mc-proxy.db"
[admin]
socket = "${dir}/mc-proxy.sock"
[metrics]
addr = "127.0.0.1:0"
[proxy]
workers = ${workers}
`;
}

/**
 * Starts `bin/mc-proxy server` and resolves when it says that it is ready. `toml` gets the directory; keys of `[proxy]` may
 * follow right at its start, since that table is open there.
 */
export async function startMcProxy(toml: (dir: string) => string, options: StartOptions = {}): Promise<RunningProxy> {
  const dir = options.dir ?? makeTempDir();
  const config = join(dir, 'mc-proxy.toml');
  const base = options.whole ? '' : baseConfig(dir, options.workers);
  const configure = (text: string): void => writeFileSync(config, base + text);
  configure(toml(dir));
  const [command = '', ...args] = [
    ...(options.within ?? []),
    join(ROOT, 'bin/mc-proxy'),
    'server',
    '--config',
    config,
    ...(options.args ?? []),
  ];
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  const lines: LogLine[] = [];
  const waiting = new Set<() => void>();
  let stderr = '';
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  createInterface({ input: child.stdout }).on('line', (text) => {
    lines.push(JSON.parse(text) as LogLine);
    for (const check of waiting) check();
  });
  const ended = once(child, 'close').then(([code, signal]) => (code as number | null) ?? String(signal));
  const seen = new Map<string, number>();

  function line(fits: (line: LogLine) => boolean, from = 0): Promise<LogLine> {
    return new Promise((resolvePromise, reject) => {
      const check = (): void => {
        const found = lines.slice(from).find(fits);
        if (!found) return;
        waiting.delete(check);
        resolvePromise(found);
      };
      waiting.add(check);
      check();
      void ended.then((how) =>
        reject(new Error(`mc-proxy ended (${how})\n${stderr}\n${lines.map((l) => JSON.stringify(l)).join('\n')}`)),
      );
    });
  }

  try {
    await line((l) => l.msg === 'ready');
  } catch (error) {
    child.kill('SIGKILL');
    if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
    throw error;
  }
  return {
    dir,
    socket: join(dir, 'mc-proxy.sock'),
    pid: child.pid ?? 0,
    lines,
    ended,
    configure,
    line: (fits) => line(fits),
    port: (addr) => Number(lines.findLast((l) => l.msg === 'listening' && l['listener'] === addr)?.['port'] ?? 0),
    get metricsPort() {
      return Number(lines.findLast((l) => l.msg === 'metrics are served')?.['port'] ?? 0);
    },
    async refusal(reason) {
      const from = seen.get(reason) ?? 0;
      const found = await line((l) => l.msg === 'refused' && l['reason'] === reason, from);
      seen.set(reason, lines.indexOf(found, from) + 1);
      return found;
    },
    signal: (signal) => void child.kill(signal),
    ctl: (...args) => run(join(ROOT, 'bin/mcproxyctl'), ['--socket', join(dir, 'mc-proxy.sock'), ...args]),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
      if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Runs a command to its end; never rejects for its exit code. */
export async function run(command: string, args: readonly string[], input = ''): Promise<CommandResult> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  // A command that doesn't read its input closes it; what it was given is of no interest to it then.
  child.stdin.on('error', () => child.stdin.destroy());
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code: code ?? -1, stdout, stderr };
}
