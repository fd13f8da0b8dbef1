import { spawn } from 'node:child_process';
import { once } from 'node:events';

export type Ran = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** Runs what one would paste, through sh; interrupted as by Ctrl-C once it has written the text to stdout, if one is given. */
export async function runShell(script: string, cwd: string, until?: string): Promise<Ran> {
  const child = spawn('sh', ['-c', script], { cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let stdout = '';
  let stderr = '';
  let interrupted = false;
  child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part));
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    stdout += part;
    if (until === undefined || interrupted || !stdout.includes(until)) return;
    interrupted = true;
    process.kill(-child.pid!, 'SIGINT');
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}
