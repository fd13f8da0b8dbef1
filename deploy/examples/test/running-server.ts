import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { repositoryRoot } from '../../checks/source-files.ts';

export type LogLine = Readonly<Record<string, unknown>>;

/** bin/mc-proxy as a process of its own on the mc-proxy.toml of a directory. */
export interface RunningServer extends AsyncDisposable {
  /** The first line, past or to come, with these fields. Rejects when the process ends before. */
  line(fields: LogLine): Promise<LogLine>;
  /** Sends the signal and resolves when the process is gone. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/** Resolves when the server says that it is ready. */
export async function startServer(dir: string): Promise<RunningServer> {
  const child = spawn(join(repositoryRoot, 'bin/mc-proxy'), ['server', '--config', join(dir, 'mc-proxy.toml')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: LogLine[] = [];
  const waiting = new Set<() => void>();
  let ended = false;
  const wake = (): void => waiting.forEach((look) => look());
  createInterface({ input: child.stdout }).on('line', (text) => {
    lines.push(JSON.parse(text) as LogLine);
    wake();
  });
  const exit = once(child, 'close').then(() => {
    ended = true;
    wake();
  });
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    if (!ended) child.kill(signal);
    await exit;
  };
  const line = (fields: LogLine): Promise<LogLine> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = lines.find((one) => Object.entries(fields).every(([name, value]) => one[name] === value));
        if (found === undefined && !ended) return;
        waiting.delete(look);
        if (found !== undefined) return resolve(found);
        const last = lines.slice(-5).map((one) => JSON.stringify(one));
        reject(new Error(`the server ended without a line ${JSON.stringify(fields)}:\n${last.join('\n')}`));
      };
      waiting.add(look);
      look();
    });
  try {
    await line({ msg: 'ready' });
  } catch (error) {
    await end('SIGKILL');
    throw error;
  }
  return { line, end, [Symbol.asyncDispose]: () => end('SIGKILL') };
}

/** What a program of bin/ prints; throws with what it said when it fails. */
export function run(program: string, args: readonly string[], dir?: string): string {
  const env = dir === undefined ? process.env : { ...process.env, MC_PROXY_ADMIN_SOCKET: join(dir, 'mc-proxy.sock') };
  const { status, stdout, stderr } = spawnSync(join(repositoryRoot, 'bin', program), args, { encoding: 'utf8', env });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${stderr}${stdout}`);
  return stdout;
}

/** What is configured besides what a test adds: paths in the directory, ports that the kernel chooses. */
export function baseConfig(dir: string): string {
  return `[database]
path = "${dir}/mc-proxy.db"
[admin]
socket = "${dir}/mc-proxy.sock"
[metrics]
addr = "127.0.0.1:0"
[proxy]
workers = 1
shutdown_timeout = "1s"
[[listeners]]
addr = "127.0.0.1:0"
`;
}
