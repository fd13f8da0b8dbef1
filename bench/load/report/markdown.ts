import type { Column } from '../../../mcdsl/terminal/index.ts';
import type { Gates } from '../gate.ts';
import { PRESENT } from '../installed.ts';
import { linesOf, measured, memoryLinesOf } from './lines.ts';
import type { BenchRun } from './run.ts';
import { absences, columns, memoryColumns } from './text.ts';

/** docs/PERFORMANCE.md. */
export function formatMarkdown(run: BenchRun, gates: Gates): string {
  const absent = absences(run).map((line) => `- ${line}\n`);
  return `# Performance

Written by \`npm run bench -- --markdown docs/PERFORMANCE.md\`; do not edit.

${describeRun(run)
  .map((line) => `- ${line}\n`)
  .join('')}
${HOW_TO_READ}

${markdownTable(columns, linesOf(run.results, gates))}
${run.results.map(({ name, about, backend }) => `- **${name}**: ${about}.${backend === null ? '' : ` Backend: ${backend}.`}\n`).join('')}
## Memory

Resident memory of all the server's processes: before any load, the most in any round, after all rounds; and what one connection or
route takes.

${markdownTable(memoryColumns, memoryLinesOf(run.results))}${absent.length === 0 ? '' : `\n## Not measured\n\n${absent.join('')}`}`;
}

export const HOW_TO_READ = `Ours and its rivals did the same work alternately in one run. A ratio is ours ÷ the rival's of the same round, as median (min–max), of
what the scenario counts: CPU time per unit (user and system time of all the server's processes), memory, or latency; below 1 is
better. A rate ratio is that of units per second; above 1 is faster. \`itself\` is ours at the smallest size. Absolute figures hold for
this machine and this run only.`;

/** Date, machine, versions and settings, a line each: without them figures say nothing. */
export function describeRun({ date, machine, settings, versions, results }: BenchRun): string[] {
  const engines = new Set(measured(results).map(({ engine }) => engine));
  const beside = Object.entries(versions).filter(
    ([name, version]) => name !== 'ours' && version !== null && version !== PRESENT,
  );
  return [
    `Date: ${date.slice(0, 10)}`,
    `Machine: ${machine.cores} × ${machine.processor}, ${machine.memoryGib} GiB, ${machine.system}, Linux ${machine.kernel}; load ${machine.loadBefore.toFixed(1)} before the run`,
    `Ours: ${versions['ours'] ?? 'unknown'}, ${[...engines].join(', ') || 'unknown'} engine`,
    `Beside it: ${beside.map(([name, version]) => `${name} ${version}`).join(', ')}`,
    `Run: ${settings.rounds} rounds of ${settings.seconds} s for each server after ${settings.warmUpSeconds} s of warm-up, ${settings.workers} worker(s) each`,
  ];
}

function markdownTable<Row>(tableColumns: readonly Column<Row>[], rows: readonly Row[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return [
    line(tableColumns.map(({ title }) => title)),
    line(tableColumns.map(({ align }) => (align === 'right' ? '---:' : '---'))),
    ...rows.map((row) => line(tableColumns.map(({ value }) => String(value(row) ?? '–')))),
  ].join('');
}
