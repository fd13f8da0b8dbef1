import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export type LogLine = Readonly<Record<string, unknown>>;

/** A server of `bin/` as a process of its own. */
export type RunningProgram = AsyncDisposable & {
  readonly pid: number;
  /** The line that said that it is ready. */
  readonly ready: LogLine;
  /** Everything that it has written. */
  output(): string;
  /** The first line, past or to come, with these fields. Rejects when the process ends before. */
  line(fields: LogLine): Promise<LogLine>;
  signal(signal: NodeJS.Signals): void;
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
};

export const repositoryRoot = join(import.meta.dirname, '../..');

/** Resolves when the server says that it is ready. `flags`: more arguments of `server`. */
export async function startProgram(name: string, configFile: string, ...flags: string[]): Promise<RunningProgram> {
  const args = ['server', '--config', configFile, ...flags];
  const child = spawn(join(repositoryRoot, 'bin', name), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: LogLine[] = [];
  const waiting = new Set<() => void>();
  let output = '';
  let code: number | null | undefined;
  const wake = (): void => waiting.forEach((look) => look());
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (text) => {
      output += `${text}\n`;
      if (text.startsWith('{')) lines.push(JSON.parse(text) as LogLine);
      wake();
    });
  }
  const exit = once(child, 'close').then(([status]) => {
    code = status as number | null;
    wake();
    return code;
  });
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (code === undefined) child.kill(signal);
    return exit;
  };
  const line = (fields: LogLine): Promise<LogLine> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = lines.find((one) => Object.entries(fields).every(([field, value]) => one[field] === value));
        if (found === undefined && code === undefined) return;
        waiting.delete(look);
        if (found !== undefined) return resolve(found);
        reject(new Error(`${name} ended without a line ${JSON.stringify(fields)}:\n${output.slice(-2000)}`));
      };
      waiting.add(look);
      look();
    });
  try {
    const ready = await line({ msg: 'ready' });
    return {
      pid: child.pid ?? 0,
      ready,
      output: () => output,
      line,
      signal: (signal) => void child.kill(signal),
      end,
      async [Symbol.asyncDispose]() {
        await end('SIGKILL');
      },
    };
  } catch (error) {
    await end('SIGKILL');
    throw error;
  }
}
