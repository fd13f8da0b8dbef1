import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf } from '../../mcdsl/errors/index.ts';
import { exitCode, type ExitCode } from '../../mcdsl/terminal/index.ts';
import { checkOutBase } from './base-checkout.ts';
import { joinRounds, type MicroRun } from './model.ts';
import { parseMicroOptions, USAGE, type MicroOptions } from './options.ts';
import { formatMicro } from './report.ts';
import { runMicro } from './run-vitest.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/**
 * `npm run bench:micro`: pieces of the source by themselves, and with `--base` beside the same pieces of another commit, in turn.
 * The table goes to stdout, progress to stderr. Exit codes: 0 measured, 1 not, 64 usage, 130 interrupted.
 */
async function run(args: readonly string[], signal: AbortSignal): Promise<ExitCode> {
  const options = parseMicroOptions(args);
  if (options === 'help') {
    process.stdout.write(USAGE);
    return exitCode.ok;
  }
  if ('problem' in options) {
    say(`${options.problem}\n\n${USAGE}`);
    return exitCode.usage;
  }
  return measure(options, signal);
}

async function measure({ filters, base, rounds, json }: MicroOptions, signal: AbortSignal): Promise<ExitCode> {
  using checkout = base === null ? null : checkOutBase({ root: ROOT, revision: base, benchmarks: 'bench/micro' });
  const [branchRuns, baseRuns]: [MicroRun[], MicroRun[]] = [[], []];
  for (let round = 1; round <= rounds; round++) {
    say(`round ${round} of ${rounds}`);
    branchRuns.push(await runMicro(ROOT, filters, signal));
    if (checkout !== null) baseRuns.push(await runMicro(checkout.root, filters, signal));
  }
  for (const file of new Set(baseRuns.flatMap(({ broken }) => broken))) say(`${base} does not run ${file}`);
  const results = joinRounds(branchRuns, baseRuns);
  process.stdout.write(formatMicro(results));
  if (json !== null) writeFileSync(json, `${JSON.stringify({ base, results }, null, 2)}\n`);
  const broken = new Set(branchRuns.flatMap((one) => one.broken));
  for (const file of broken) say(`does not run: ${file}`);
  return broken.size > 0 ? exitCode.failed : exitCode.ok;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());
try {
  process.exitCode = await run(process.argv.slice(2), interruption.signal);
} catch (error) {
  if (!interruption.signal.aborted) say(`bench:micro: ${messageOf(error)}`);
  process.exitCode = interruption.signal.aborted ? exitCode.interrupted : exitCode.failed;
}
