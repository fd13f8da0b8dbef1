import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createReactor } from '../../dataplane/native/index.ts';
import type { Arrival, RelayPlan } from '../../dataplane/native/native.ts';
import { REPLY, VERBS } from './behaviours.ts';
import type { ClientsReport } from './clients.ts';

/**
 * `npm run soak -- [--connections 5000] [--seconds 300] [--seed N]`: one reactor under connections of every behaviour, opened and closed
 * at random. Afterwards nothing may be left: no descriptor, no slot, no timer, no pipe. Exit code 1 with what is.
 */
const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
/** Longer than the clients, all in one process, take to send their first byte. */
const HELLO_TIMEOUT_MS = 30_000;
/** What clients still do when the time is over, and the last timers. */
const SETTLE_MS = 10_000;

const backend = start('backend.ts', []);
const backendPort = Number(await backend.line());
let relays = 0;
let closed = 0;
/** How relays ended, and why connects failed. */
const ends: Record<string, number> = {};
// Some are shed then; what is left over counts all the same.
let isShort = false;

const reactor = createReactor();
const before = descriptors();
const listener = await reactor.listen<null>({
  endpoint: { kind: 'tcp', host: '127.0.0.1', port: 0 },
  backlog: 4096,
  helloTimeoutMs: () => HELLO_TIMEOUT_MS,
  handler: {
    arrived: (batch) => batch.forEach(decide),
    failed({ message }) {
      isShort = true;
      say(message);
    },
  },
});
say(`${reactor.engine}: ${values.connections} connections for ${values.seconds} s, seed ${values.seed}`);
const watch = setInterval(() => say(JSON.stringify({ ...reactor.figures(), rssMiB: rssMiB() })), 10_000);
const clients = start('clients.ts', [String(listener.port), values.connections, values.seconds, values.seed]);
const report = JSON.parse(await clients.line()) as ClientsReport;
clearInterval(watch);
await clients.ended;
await listener.close();
const settled = performance.now() + SETTLE_MS;
while (isBusy() && performance.now() < settled) await delay(100);

const { connections, timers, pipes } = reactor.figures();
const left = { connections, timers, pipes, relays: relays - closed, descriptors: descriptors() - before };
process.stdout.write(`${JSON.stringify({ ...report, ends, left, rssMiB: rssMiB() }, null, 2)}\n`);
backend.end();
const isClean = Object.values(left).every((count) => count === 0);
const isRight = isShort || Object.keys(report.failures).length === 0;
process.exit(isClean && isRight ? 0 : 1);

function decide(arrival: Arrival<null>): void {
  if (arrival.state === 'closed') return;
  if (arrival.state === 'timeout') return arrival.reset();
  if (arrival.bytes.length === 0) return arrival.more(1);
  switch (String.fromCharCode(arrival.bytes[0] ?? 0)) {
    case VERBS.relay:
      return relay(arrival, backendPort);
    case VERBS.dead:
      return relay(arrival, 1);
    case VERBS.adopt: {
      const socket = arrival.adopt(0);
      socket.allowHalfOpen = true;
      socket.on('error', () => socket.destroy());
      socket.pipe(socket);
      return;
    }
    case VERBS.reply:
      return arrival.reply(Buffer.from(REPLY));
    default:
      return arrival.reset();
  }
}

function relay(arrival: Arrival<null>, port: number): void {
  const plan: RelayPlan = {
    host: '127.0.0.1',
    port,
    prefix: null,
    skip: 0,
    connectTimeoutMs: 60_000,
    idleTimeoutMs: 60_000,
  };
  arrival.relay(plan, {
    connected: () => relays++,
    connectFailed(code) {
      count(code);
      arrival.reset();
    },
    closed({ end }) {
      closed++;
      count(end);
    },
  });
}

function count(what: string): void {
  ends[what] = (ends[what] ?? 0) + 1;
}

/** A program of this folder, its lines of output one by one. */
function start(
  name: string,
  args: readonly string[],
): { line(): Promise<string>; end(): void; readonly ended: Promise<unknown> } {
  const child = spawn(process.execPath, [join(import.meta.dirname, name), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    line: async () => String((await lines.next()).value),
    end: () => child.stdin.end(),
    ended: once(child, 'close'),
  };
}

function isBusy(): boolean {
  const { connections, timers, pipes } = reactor.figures();
  return connections + timers + pipes > 0 || relays > closed || descriptors() > before;
}

/** Without the pipes that are kept for the next streams, two descriptors each. */
function descriptors(): number {
  return readdirSync('/proc/self/fd').length - 2 * reactor.figures().idlePipes;
}

function rssMiB(): number {
  return Math.round(process.memoryUsage.rss() / 2 ** 20);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
