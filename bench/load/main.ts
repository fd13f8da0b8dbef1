import { writeFileSync } from 'node:fs';
import { messageOf } from '../../mcdsl/errors/index.ts';
import { exitCode, type ExitCode } from '../../mcdsl/terminal/index.ts';
import { readGates, shortfalls } from './gate.ts';
import { layGround } from './ground.ts';
import { findInstalled, missingOf, type Installed } from './installed.ts';
import { loadScenarios } from './load-scenarios.ts';
import { describeMachine, ourVersion, type Machine } from './machine.ts';
import { measureScenario } from './measure.ts';
import { partsOf, type Scenario } from './model.ts';
import { parseOptions, USAGE, type BenchOptions } from './options.ts';
import { formatHtml } from './report/html.ts';
import { formatMarkdown } from './report/markdown.ts';
import type { BenchRun } from './report/run.ts';
import { formatRun, formatShortfalls } from './report/text.ts';
import type { ScenarioResult } from './results.ts';

/**
 * `npm run bench`: ours beside its rivals, scenario by scenario. Tables go to stdout, progress to stderr. Exit codes: 0 measured,
 * 1 a scenario came to nothing or falls behind in a gate run, 64 usage, 130 interrupted.
 */
async function run(args: readonly string[], signal: AbortSignal): Promise<ExitCode> {
  const parsed = parseOptions(args);
  if (parsed.kind === 'help') {
    process.stdout.write(USAGE);
    return exitCode.ok;
  }
  const all = await loadScenarios();
  const problem = parsed.kind === 'usage' ? parsed.problem : unknownScenario(all, parsed.options);
  if (problem !== null || parsed.kind === 'usage') {
    process.stderr.write(`${problem}\n\n${USAGE}\nscenarios: ${all.map(({ name }) => name).join(' ')}\n`);
    return exitCode.usage;
  }
  return bench(all, parsed.options, signal);
}

async function bench(all: readonly Scenario[], options: BenchOptions, signal: AbortSignal): Promise<ExitCode> {
  const { settings, scenarios: names } = options;
  const gates = readGates();
  const chosen = all.filter(({ name }) => names.length === 0 || names.includes(name));
  const installed = findInstalled();
  nameMissing(installed, chosen);
  const date = new Date().toISOString();
  const machine = describeMachine();
  nameOtherWork(machine);
  using ground = await layGround();
  const deps = { ground, installed, settings, progress: say };
  const results: ScenarioResult[] = [];
  for (const scenario of chosen) {
    const result = await measureScenario(scenario, deps, signal);
    results.push(result);
    if (result.kind === 'failed') say(`${result.name}: not measured: ${result.why}`);
    else for (const { name, why } of result.dropped) say(`${result.name}: without ${name}: ${why}`);
  }
  const needed = new Set(chosen.flatMap(partsOf));
  const versions = {
    ours: ourVersion(),
    ...Object.fromEntries(Object.entries(installed).filter(([part]) => needed.has(part))),
  };
  const benchRun: BenchRun = { date, machine, settings, versions, results };
  process.stdout.write(formatRun(benchRun, gates));
  if (options.json !== null) writeFileSync(options.json, `${JSON.stringify(benchRun, null, 2)}\n`);
  if (options.html !== null) writeFileSync(options.html, formatHtml(benchRun, gates));
  if (options.markdown !== null) writeFileSync(options.markdown, formatMarkdown(benchRun, gates));
  if (options.gate) {
    const behind = shortfalls(gates, names.length === 0 ? Object.keys(gates) : names, results);
    if (behind.length > 0) process.stdout.write(`\n${formatShortfalls(behind)}`);
    if (behind.length > 0) return exitCode.failed;
  }
  return results.some(({ kind }) => kind === 'failed') ? exitCode.failed : exitCode.ok;
}

function unknownScenario(all: readonly Scenario[], { scenarios }: BenchOptions): string | null {
  const unknown = scenarios.filter((wanted) => !all.some(({ name }) => name === wanted));
  return unknown.length === 0 ? null : `there is no scenario ${unknown.join(', ')}`;
}

function nameMissing(installed: Installed, scenarios: readonly Scenario[]): void {
  const needs = new Set(scenarios.flatMap(partsOf));
  const missing = missingOf(installed, [...needs]);
  if (missing.length > 0) say(`missing: ${missing.join(', ')}; for them: bench/rivals ${missing.join(' ')}`);
}

function nameOtherWork({ loadBefore, cores }: Machine): void {
  if (loadBefore < cores / 2) return;
  say(`this machine is busy (load ${loadBefore.toFixed(1)} on ${cores} cores): ratios of this run are worth little`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());
try {
  process.exitCode = await run(process.argv.slice(2), interruption.signal);
} catch (error) {
  if (!interruption.signal.aborted) say(`bench: ${messageOf(error)}`);
  process.exitCode = interruption.signal.aborted ? exitCode.interrupted : exitCode.failed;
}
