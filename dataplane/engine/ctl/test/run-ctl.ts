import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';

export interface CtlResult {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

export const launcher = resolve(import.meta.dirname, '../../../../bin/mcproxyctl');

/** `bin/mcproxyctl` as a child of its own. */
export function startCtl(
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {},
): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(launcher, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
  });
}

/** Runs it to its end. `code` is the name of the signal where one ended it. */
export async function runCtl(
  args: readonly string[],
  options: Parameters<typeof startCtl>[1] = {},
): Promise<CtlResult> {
  const child = startCtl(args, options);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code: code ?? String(signal), stdout, stderr };
}
