import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export const root = resolve(import.meta.dirname, '../../..');

/** A directory of its own; every box started in it is ended with it. */
export type Scratch = AsyncDisposable & {
  readonly path: string;
  /** Where boxes live: `npm start -- --dir` */
  readonly srv: string;
  start(options?: StartOptions): Box;
};

export type StartOptions = {
  /** Runs the start; default: Node itself. `--dir` and its value are appended. */
  readonly command?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
};

export type End = { readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly output: string };

export type Box = {
  readonly pid: number;
  /** The page that it prints once all runs; rejects with the output when it ends without. */
  readonly page: Promise<string>;
  readonly ended: Promise<End>;
  /** To its process group, as a terminal sends Ctrl-C. */
  signal(name: NodeJS.Signals): void;
  /** The child itself, without its group. */
  kill(): void;
};

export const startCommand = [process.execPath, join(root, 'deploy/box/start.ts')];

export function createScratch(): Scratch {
  const path = mkdtempSync(join(tmpdir(), 'box-'));
  const srv = join(path, 'srv');
  const boxes: Box[] = [];
  return {
    path,
    srv,
    start({ command = startCommand, env = process.env } = {}) {
      const [file = '', ...args] = [...command, '--dir', srv];
      const child = spawn(file, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
      const box = follow(child);
      boxes.push(box);
      return box;
    },
    async [Symbol.asyncDispose]() {
      for (const box of boxes) box.signal('SIGTERM');
      await Promise.all(boxes.map(({ ended }) => ended));
      for (const pid of processesNaming(path)) process.kill(pid, 'SIGKILL');
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** Running processes whose command line has the text in it: start.ts and mc-proxy both name their directory. */
export function processesNaming(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && commandLine(name).includes(text))
    .map(Number);
}

/** Asks until it holds; the test's own deadline is the limit. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(20);
}

export function proxyPort(page: string): number {
  return Number(/^ {2}mc-proxy +https:\/\/127\.0\.0\.1:(\d+) /m.exec(page)![1]);
}

export function proxyPid(page: string): number {
  return Number(/^ {2}mc-proxy .* process (\d+)$/m.exec(page)![1]);
}

/** The commands that the page tells to try. */
export function printedCommands(page: string): string[] {
  return page.split('\n').flatMap((line) => (line.startsWith('    ') ? [line.trim()] : []));
}

function follow(child: ChildProcess): Box {
  const pid = child.pid!;
  let output = '';
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, output }) as End);
  const page = new Promise<string>((done, reject) => {
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.includes('Ctrl-C stops all of it.\n')) done(output);
    });
    void ended.then(() => reject(new Error(`ended without a page:\n${output}`)));
  });
  page.catch(() => undefined);
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (output += text));
  return {
    pid,
    page,
    ended,
    signal(name) {
      if (child.exitCode === null && child.signalCode === null) process.kill(-pid, name);
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
