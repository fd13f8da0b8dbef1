import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { PairFiles } from './seed-files.ts';

export const L7_HOST = 'app.box.test';
export const L4_HOST = 'passthrough.box.test';

export interface BoxPlan {
  /** Absolute. */
  readonly dir: string;
  readonly port: number;
  readonly metricsPort: number;
  readonly l7: { readonly backend: string; readonly pair: PairFiles };
  readonly l4: { readonly backend: string };
}

export interface ProxyProcess extends AsyncDisposable {
  readonly pid: number;
  readonly config: string;
  readonly log: string;
  /** Resolves when the process ends, with a sentence that says how. */
  readonly ended: Promise<string>;
}

const READY_MS = 20_000;
/** mc-proxy itself is gone one second after its shutdown_timeout of 3 s. */
const STOP_MS = 6000;

export function socketPath(dir: string): string {
  return join(dir, 'mc-proxy.sock');
}

/** Writes mc-proxy.toml and starts bin/mc-proxy on it; resolves when its health check answers. */
export async function startProxy(root: string, plan: BoxPlan): Promise<ProxyProcess> {
  const config = join(plan.dir, 'mc-proxy.toml');
  const log = join(plan.dir, 'mc-proxy.log');
  writeFileSync(config, proxyConfig(plan), { mode: 0o600 });
  const logFd = openSync(log, 'a', 0o600);
  // A process group of its own: Ctrl-C reaches this program only, which then stops mc-proxy in its own order.
  const child = spawn(join(root, 'bin/mc-proxy'), ['server', '--config', config], {
    stdio: ['ignore', logFd, logFd],
    detached: true,
  });
  closeSync(logFd);
  const ended = once(child, 'exit').then(([code, signal]) => `mc-proxy ended (${signal ?? `exit code ${code}`})`);
  const stop = (): Promise<void> => stopChild(child, ended);
  try {
    await Promise.race([
      healthy(plan.metricsPort),
      ended.then((how) => Promise.reject(new Error(`${how} before it was ready; the end of ${log}:\n${tail(log)}`))),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: child.pid ?? 0, config, log, ended, [Symbol.asyncDispose]: stop };
}

function proxyConfig({ dir, port, metricsPort, l7, l4 }: BoxPlan): string {
  const text = JSON.stringify;
  return `# Written by npm start at each start; changes here are lost.
[database]
path = ${text(join(dir, 'mc-proxy.db'))}

[admin]
socket = ${text(socketPath(dir))}

[[listeners]]
addr = "127.0.0.1:${port}"

# L7: mc-proxy terminates TLS and speaks HTTP to the origin.
[[listeners.routes]]
hostname = "${L7_HOST}"
backend = "${l7.backend}"
mode = "l7"
tls_cert = ${text(l7.pair.cert)}
tls_key = ${text(l7.pair.key)}
[listeners.routes.policies]
block_user_agents = ["zgrab", "masscan", "Nuclei", "httpx"]

# L4: the origin's own TLS passes through untouched.
[[listeners.routes]]
hostname = "${L4_HOST}"
backend = "${l4.backend}"
mode = "l4"

[firewall]
rate_limit = 200
rate_window = "10s"

[proxy]
shutdown_timeout = "3s"

[metrics]
addr = "127.0.0.1:${metricsPort}"
`;
}

async function healthy(metricsPort: number): Promise<void> {
  const deadline = Date.now() + READY_MS;
  while (Date.now() < deadline) {
    if (await answersHealth(metricsPort)) return;
    await delay(50);
  }
  throw new Error(`mc-proxy did not become healthy within ${READY_MS / 1000} s`);
}

function answersHealth(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = request({ host: '127.0.0.1', port, path: '/v1/health', timeout: 1000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    probe.on('timeout', () => probe.destroy(new Error('no answer')));
    // Refused or broken off: not ready yet; the caller asks again until its deadline.
    probe.on('error', () => resolve(false));
    probe.end();
  });
}

async function stopChild(child: ChildProcess, ended: Promise<string>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const overdue = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(overdue);
}

function tail(file: string, lines = 20): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}
