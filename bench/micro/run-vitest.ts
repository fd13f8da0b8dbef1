import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MicroRun } from './model.ts';

const CONFIG = 'bench/micro/vitest.config.ts';
const REPORTER = 'bench/micro/reporter.ts';

/** Runs the benchmarks of a checkout once. Rejects with what vitest says when it measured nothing. */
export async function runMicro(root: string, filters: readonly string[], signal: AbortSignal): Promise<MicroRun> {
  const dir = mkdtempSync(join(tmpdir(), 'mc-bench-micro-'));
  try {
    const file = join(dir, 'figures.json');
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const args = ['bench', '--run', '--root', root, '--config', join(root, CONFIG), '--configLoader', 'native'];
    const child = spawn(process.execPath, [vitest, ...args, '--reporter', join(root, REPORTER), ...filters], {
      cwd: root,
      env: { ...process.env, MC_MICRO_FILE: file },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    const run = readRun(file);
    if (run.figures.length === 0) throw new Error(`vitest measured nothing (exit code ${code})\n${said.slice(-2000)}`);
    return run;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function readRun(file: string): MicroRun {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as MicroRun;
  } catch (error) {
    // vitest failed before its first file: the caller tells what it said.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { figures: [], broken: [] };
    throw error;
  }
}
