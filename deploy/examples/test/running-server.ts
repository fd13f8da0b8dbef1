import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot, startProgram, type RunningProgram } from '../../../mcdsl/test-support/running-program.ts';

export type { LogLine, RunningProgram } from '../../../mcdsl/test-support/running-program.ts';

/** bin/mc-proxy as a process of its own on the mc-proxy.toml of a directory; resolves when it says that it is ready. */
export function startServer(dir: string): Promise<RunningProgram> {
  return startProgram('mc-proxy', join(dir, 'mc-proxy.toml'));
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
