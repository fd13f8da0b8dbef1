import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export type Line = { level: string; msg: string } & Record<string, unknown>;

export type Process = AsyncDisposable & {
  pid: number;
  lines: Line[];
  /** Resolves with the next line that has this text, counted from the last one waited for. */
  said(msg: string): Promise<Line>;
  send(signal: NodeJS.Signals): void;
  type(line: string): void;
  ended: Promise<number | NodeJS.Signals>;
};

export function startProcess(args: readonly string[], env: Record<string, string> = {}): Process {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'server.ts'), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const lines: Line[] = [];
  const reader = createInterface(child.stdout);
  let read = 0;
  let wake = Promise.withResolvers<void>();
  reader.on('line', (line) => {
    lines.push(JSON.parse(line) as Line);
    wake.resolve();
  });
  let closed = false;
  reader.on('close', () => {
    closed = true;
    wake.resolve();
  });
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  return {
    pid: child.pid ?? 0,
    lines,
    ended,
    async said(msg) {
      for (;;) {
        while (read < lines.length) {
          const line = lines[read++];
          if (line?.msg === msg) return line;
        }
        if (closed) throw new Error(`ended without saying ${msg}; its log is ${JSON.stringify(lines)}`);
        await wake.promise;
        wake = Promise.withResolvers();
      }
    },
    send: (signal) => void child.kill(signal),
    type: (line) => void child.stdin.write(`${line}\n`),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
