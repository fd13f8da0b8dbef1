import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { run } from './running-proxy.ts';

/** Network namespaces of one test: hosts with addresses of their own on one machine. Needs root. */
export interface Network extends AsyncDisposable {
  /** The command that runs its arguments on that host. */
  on(host: string): readonly string[];
  /** Runs a command on that host; rejects when it fails. */
  run(host: string, ...command: readonly string[]): Promise<void>;
}

export interface Link {
  readonly ends: readonly [LinkEnd, LinkEnd];
}

export interface LinkEnd {
  readonly host: string;
  /** With prefix lengths; IPv4 or IPv6. */
  readonly addresses: readonly string[];
}

/** Hosts joined by links as given; names are made unique by the process id, so that two runs don't meet. */
export async function createNetwork(links: readonly Link[]): Promise<Network> {
  const hosts = [...new Set(links.flatMap(({ ends }) => ends.map(({ host }) => host)))];
  const namespace = (host: string): string => `mc${process.pid}-${host}`;
  const on = (host: string): readonly string[] => ['ip', 'netns', 'exec', namespace(host)];
  await using made = new AsyncDisposableStack();
  for (const host of hosts) {
    await must('ip', 'netns', 'add', namespace(host));
    made.defer(() => must('ip', 'netns', 'del', namespace(host)));
    await must(...on(host), 'ip', 'link', 'set', 'lo', 'up');
  }
  for (const [index, { ends }] of links.entries()) {
    const devices = ends.map((_, side) => `mcv${process.pid % 100_000}${index}${side}`);
    await must('ip', 'link', 'add', devices[0] ?? '', 'type', 'veth', 'peer', 'name', devices[1] ?? '');
    for (const [side, { host, addresses }] of ends.entries()) {
      const device = devices[side] ?? '';
      await must('ip', 'link', 'set', device, 'netns', namespace(host));
      for (const address of addresses) {
        const noDad = address.includes(':') ? ['nodad'] : [];
        await must(...on(host), 'ip', 'addr', 'add', address, 'dev', device, ...noDad);
      }
      await must(...on(host), 'ip', 'link', 'set', device, 'up');
    }
  }
  const resources = made.move();
  return {
    on,
    run: (host, ...command) => must(...on(host), ...command),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

export interface Program extends AsyncDisposable {
  /** Ends it by SIGTERM; resolves with its last line. */
  finish(): Promise<string>;
}

/** Starts a program of a test on a host; resolves when it printed its first line. */
export async function startProgram(
  within: readonly string[],
  script: string,
  args: readonly string[],
): Promise<Program> {
  const [command = '', ...rest] = [...within, process.execPath, script, ...args];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout });
  let last = '';
  lines.on('line', (line) => (last = line));
  await Promise.race([
    once(lines, 'line'),
    ended.then(() => Promise.reject(new Error(`${script} ended before it was ready`))),
  ]);
  return {
    async finish() {
      child.kill('SIGTERM');
      await ended;
      return last;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function must(...command: readonly string[]): Promise<void> {
  const [program = '', ...args] = command;
  const { code, stderr } = await run(program, args);
  if (code !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
}
