import { formatTable, type Column } from '../../mcdsl/terminal/index.ts';
import { cpu, rate, ratio, ratios } from './format.ts';
import type { Gates, Shortfall } from './gate.ts';
import type { Machine } from './machine.ts';
import { RIVALS, type RivalName, type RunSettings, type ScenarioResult } from './model.ts';
import { compare, figures, type Comparison, type Figures } from './statistics.ts';

/** Everything about one run; `--json` writes it as it is. */
export interface BenchRun {
  /** ISO 8601. */
  readonly date: string;
  readonly machine: Machine;
  readonly settings: RunSettings;
  /** Of our own and of whatever took part or gave the load. */
  readonly versions: Readonly<Record<string, string | null>>;
  readonly results: readonly ScenarioResult[];
}

/** A line of the report: ours beside one rival, or ours alone when no rival took part. */
interface Line {
  readonly scenario: string;
  readonly unit: string;
  readonly rival: RivalName | null;
  readonly comparison: Comparison | null;
  readonly ours: Figures;
}

type LineColumn = Column<Line>;

/** The tables of a run, for people: ratios with their spread first, absolute figures beside them. */
export function formatRun(run: BenchRun, gates: Gates): string {
  const failed = run.results.flatMap((result) => (result.kind === 'failed' ? [`${result.name}: ${result.why}\n`] : []));
  const table = formatTable(columns(gates), lines(run.results));
  return [table, ...(failed.length > 0 ? ['\nnot measured:\n', ...failed.map((line) => `  ${line}`)] : [])].join('');
}

export function formatShortfalls(shortfalls: readonly Shortfall[]): string {
  return formatTable<Shortfall>(
    [
      { title: 'falls behind', value: ({ scenario }) => scenario },
      { title: 'rival', value: ({ rival }) => rival },
      { title: 'gate', align: 'right', value: ({ gate }) => ratio(gate) },
      { title: 'found', align: 'right', value: ({ found }) => (found === null ? null : ratio(found)) },
      { title: 'why', value: ({ why }) => why.split('\n', 1)[0] },
    ],
    shortfalls,
  );
}

/** docs/PERFORMANCE.md. */
export function formatMarkdown(run: BenchRun, gates: Gates): string {
  const { machine, settings } = run;
  const engines = new Set(run.results.flatMap((result) => (result.kind === 'measured' ? [result.engine] : [])));
  const versions = Object.entries(run.versions).filter(([name, version]) => name !== 'ours' && version !== null);
  return `# Performance

Written by \`npm run bench -- --markdown docs/PERFORMANCE.md\`; do not edit.

- Date: ${run.date.slice(0, 10)}
- Machine: ${machine.cores} × ${machine.processor}, ${machine.memoryGib} GiB, ${machine.system}, Linux ${machine.kernel}; load ${machine.loadBefore.toFixed(1)} before the run
- Ours: ${run.versions['ours'] ?? 'unknown'}, ${[...engines].join(', ')} engine
- Beside it: ${versions.map(([name, version]) => `${name} ${version}`).join(', ')}
- Run: ${settings.rounds} rounds of ${settings.seconds} s for each server after ${settings.warmUpSeconds} s of warm-up, ${settings.workers} worker(s) each

Ours and its rivals did the same work alternately in one run. A ratio is ours ÷ the rival's of the same round, as median (min–max):
of CPU time per unit, user and system time of all the server's processes, below 1 is cheaper; of units per second, above 1 is faster.
Absolute figures hold for this machine and this run only.

${markdownTable(columns(gates), lines(run.results))}
${run.results.map(({ name, about, backend }) => `- **${name}**: ${about}. Backend: ${backend}.\n`).join('')}${notMeasured(run.results)}`;
}

function notMeasured(results: readonly ScenarioResult[]): string {
  const entries = results.flatMap((result) => [
    ...(result.kind === 'failed' ? [`- ${result.name}: ${result.why.split('\n', 1)[0]}\n`] : []),
    ...result.missing.map((rival) => `- ${result.name}: ${rival} was not installed\n`),
  ]);
  return entries.length === 0 ? '' : `\n## Not measured\n\n${entries.join('')}`;
}

function lines(results: readonly ScenarioResult[]): Line[] {
  return results.flatMap((result): Line[] => {
    if (result.kind === 'failed') return [];
    const ours = figures(result.rounds.map((round) => round.ours));
    const head = { scenario: result.name, unit: result.unit };
    const beside = RIVALS.flatMap((rival): Line[] => {
      const comparison = compare(result.rounds, rival);
      return comparison === null ? [] : [{ ...head, rival, comparison, ours: comparison.ours }];
    });
    return beside.length > 0 ? beside : [{ ...head, rival: null, comparison: null, ours }];
  });
}

function columns(gates: Gates): LineColumn[] {
  const limits = ({ scenario, rival }: Line) => (rival === null ? undefined : gates[scenario]?.[rival]?.cpu);
  const optional = (value: number | undefined): string | null => (value === undefined ? null : ratio(value));
  return [
    { title: 'scenario', value: ({ scenario }) => scenario },
    { title: 'rival', value: ({ rival }) => rival },
    { title: 'CPU ratio', align: 'right', value: ({ comparison }) => comparison && ratios(comparison.cpu) },
    { title: 'gate', align: 'right', value: (line) => optional(limits(line)?.gate) },
    { title: 'goal', align: 'right', value: (line) => optional(limits(line)?.goal) },
    { title: 'rate ratio', align: 'right', value: ({ comparison }) => comparison && ratios(comparison.throughput) },
    { title: 'our CPU', align: 'right', value: ({ ours, unit }) => cpu(ours, unit) },
    { title: 'its CPU', align: 'right', value: ({ comparison, unit }) => comparison && cpu(comparison.theirs, unit) },
    { title: 'our rate', align: 'right', value: ({ ours, unit }) => rate(ours, unit) },
    { title: 'its rate', align: 'right', value: ({ comparison, unit }) => comparison && rate(comparison.theirs, unit) },
  ];
}

function markdownTable(tableColumns: readonly LineColumn[], rows: readonly Line[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return [
    line(tableColumns.map(({ title }) => title)),
    line(tableColumns.map(({ align }) => (align === 'right' ? '---:' : '---'))),
    ...rows.map((row) => line(tableColumns.map(({ value }) => String(value(row) ?? '–')))),
  ].join('');
}
