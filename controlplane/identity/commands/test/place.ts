import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';

import { openStore, type Store } from '../../store/index.ts';
import { runCommands } from './run-commands.ts';

const program = join(import.meta.dirname, '../../main.ts');

export type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** A folder with a configuration, as /srv/mcias is one. */
export type Place = Disposable & {
  readonly folder: string;
  readonly configFile: string;
  readonly database: string;
  readonly keyFile: string;
  /** Runs a command of mcias to its end, in this process, which has no terminal. */
  run(...args: readonly string[]): Promise<Ended>;
  /** As run, and the JSON that it printed. @throws when it failed */
  json(...args: readonly string[]): Promise<Record<string, unknown>>;
  open(): Store;
};

export function createPlace(more = ''): Place {
  const folder = mkdtempSync(join(tmpdir(), 'mcias-'));
  const [configFile, database, keyFile] = ['mcias.toml', 'mcias.db', 'keys/master.key'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  writeFileSync(
    configFile,
    `[server]
listen_addr = "127.0.0.1:0"
grpc_addr = "127.0.0.1:0"
tls = "off"
public_url = "https://mcias.example.test"
[database]
path = "${database}"
[admin]
socket = "${join(folder, 'mcias.sock')}"
[metrics]
addr = ""
[keys]
master_key_file = "${keyFile}"
[argon2]
memory = "19MiB"
passes = 2
${more}`,
  );
  const run = async (...args: readonly string[]): Promise<Ended> => {
    const [stdout, stderr] = [captured(), captured()];
    const code = await runCommands(['--config', configFile, ...args], { stdout, stderr });
    return { code, stdout: stdout.text(), stderr: stderr.text() };
  };
  return {
    folder,
    configFile,
    database,
    keyFile,
    run,
    async json(...args) {
      const ended = await run(...args, '--json');
      if (ended.code !== 0) throw new Error(`mcias ${args.join(' ')}: ${ended.code} ${ended.stderr}`);
      return JSON.parse(ended.stdout) as Record<string, unknown>;
    },
    open: () => openStore({ path: database }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export type Typed = { readonly prompt: string; readonly keys: string };

/** Runs a command on a pseudo-terminal, types each answer once its prompt is there, and returns all that the terminal showed. */
export async function onTerminal(
  place: Place,
  args: readonly string[],
  answers: readonly Typed[],
): Promise<{ readonly code: number | null; readonly shown: string }> {
  const command = [process.execPath, program, '--config', place.configFile, ...args]
    .map((word) => `'${word}'`)
    .join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null']);
  const waiting = [...answers];
  let shown = '';
  let seen = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    const [next] = waiting;
    if (next === undefined || !shown.slice(seen).includes(next.prompt)) return;
    waiting.shift();
    seen = shown.length;
    child.stdin.write(next.keys);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, shown };
}

/** Whether util-linux's script is here, which gives a pseudo-terminal. */
export const hasScript: boolean = spawnSync('script', ['--version']).status === 0;

function captured(): Socket & { text(): string } {
  const stream = new PassThrough();
  const text = (): string => String(stream.read() ?? '');
  // Of a socket, only what a stream has is used.
  return Object.assign(stream as unknown as Socket, { text });
}
