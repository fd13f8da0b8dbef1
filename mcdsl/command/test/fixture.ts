import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

export const demo = join(import.meta.dirname, 'demo.ts');

export type Ended = { code: number | string; stdout: string; stderr: string };

export async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(process.execPath, [demo, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, string | null]>,
  ]);
  return { code: code ?? signal ?? 'unknown', stdout, stderr };
}

export type Place = AsyncDisposable & { folder: string; file: string; socket: string; database: string };

/** A folder with a configuration that works, whose text the test may add to. */
export async function place(more = ''): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'mc-command-'));
  const file = join(folder, 'demo.toml');
  const [socket, database] = [join(folder, 'demo.sock'), join(folder, 'demo.db')];
  await writeFile(file, `${more}\n[database]\npath = "${database}"\n[admin]\nsocket = "${socket}"\n`);
  return { folder, file, socket, database, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

export type Server = AsyncDisposable & {
  child: ChildProcess;
  /** Resolves with the first line from here on that has this text. */
  said(msg: string): Promise<Record<string, unknown>>;
  ended: Promise<number | string>;
};

export async function startServer(file: string): Promise<Server> {
  const child = spawn(process.execPath, [demo, 'server', '--config', file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  const server: Server = {
    child,
    ended,
    async said(msg) {
      for (;;) {
        const next = await lines.next();
        if (next.done === true) throw new Error(`ended without saying ${msg}`);
        const line = JSON.parse(next.value) as Record<string, unknown>;
        if (line['msg'] === msg) return line;
      }
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
  await server.said('up');
  return server;
}
