import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT, type LogLine, type RunningProxy } from './running-proxy.ts';

/** Sends SIGHUP, with a new file where one is given, and resolves with the line that says how the reload ended. */
export function reload(proxy: RunningProxy, toml?: string): Promise<LogLine> {
  const from = proxy.lines.length;
  if (toml !== undefined) proxy.configure(toml);
  proxy.signal('SIGHUP');
  return lineAfter(proxy, from, ({ msg }) => msg === 'configuration reloaded' || msg.startsWith('reload failed'));
}

/** The first line that fits among those after the first `from`. */
export function lineAfter(proxy: RunningProxy, from: number, fits: (line: LogLine) => boolean): Promise<LogLine> {
  return proxy.line((line) => fits(line) && proxy.lines.indexOf(line) >= from);
}

/** What `mcproxyctl --json` prints; fails with its complaint when it fails. */
export async function ctlJson(proxy: RunningProxy, ...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await proxy.ctl('--json', ...args);
  if (code !== 0) throw new Error(`mcproxyctl ${args.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

export interface EventLine {
  readonly kind: string;
  readonly detail: string;
  readonly [field: string]: unknown;
}

/** The first event, kept or to come, that fits. */
export async function event(proxy: RunningProxy, fits: (event: EventLine) => boolean): Promise<EventLine> {
  const args = ['--socket', proxy.socket, '--json', 'events', '--follow', '--last', '0'];
  const follower = spawn(join(ROOT, 'bin/mcproxyctl'), args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    for await (const text of createInterface({ input: follower.stdout })) {
      const line = JSON.parse(text) as EventLine;
      if (fits(line)) return line;
    }
  } finally {
    follower.kill('SIGKILL');
  }
  throw new Error('the stream of events ended');
}

/** The Prometheus text of `[metrics] addr`, as samples: `name{label="value"}` → value. */
export async function scrape(proxy: RunningProxy): Promise<ReadonlyMap<string, number>> {
  const answer = await fetch(`http://127.0.0.1:${proxy.metricsPort}/metrics`);
  if (!answer.ok) throw new Error(`/metrics answers ${answer.status}`);
  const lines = (await answer.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

/** Asks until the answer is right: for what follows its cause by an instant that nothing tells of. */
export async function until<T>(ask: () => Promise<T>, right: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (right(answer)) return answer;
  }
}
