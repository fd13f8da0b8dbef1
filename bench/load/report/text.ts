import { formatTable, type Column } from '../../../mcdsl/terminal/index.ts';
import { amount, bytes, rate, ratio, ratios } from '../format.ts';
import type { Gates, Shortfall } from '../gate.ts';
import { linesOf, memoryLinesOf, type Line, type MemoryLine } from './lines.ts';
import type { BenchRun } from './run.ts';

/** The tables of a run, for people: ratios with their spread first, absolute figures beside them. */
export function formatRun(run: BenchRun, gates: Gates): string {
  const absent = absences(run).map((line) => `  ${line}\n`);
  return [
    formatTable(columns, linesOf(run.results, gates)),
    '\nresident memory\n',
    formatTable(memoryColumns, memoryLinesOf(run.results)),
    ...(absent.length > 0 ? ['\nnot measured:\n', ...absent] : []),
  ].join('');
}

export function formatShortfalls(shortfalls: readonly Shortfall[]): string {
  return formatTable<Shortfall>(
    [
      { title: 'falls behind', value: ({ scenario }) => scenario },
      { title: 'against', value: ({ against }) => against },
      { title: 'gate', align: 'right', value: ({ gate }) => ratio(gate) },
      { title: 'found', align: 'right', value: ({ found }) => (found === null ? null : ratio(found)) },
      { title: 'why', value: ({ why }) => why.split('\n', 1)[0] },
    ],
    shortfalls,
  );
}

/** What the run does not have, a line each: scenarios that failed, rivals that were missing or dropped. */
export function absences({ results }: BenchRun): string[] {
  const first = (why: string): string => why.split('\n', 1)[0] ?? '';
  return results.flatMap((result) => [
    ...(result.kind === 'failed' ? [`${result.name}: ${first(result.why)}`] : []),
    ...result.missing.map((rival) => `${result.name}: ${rival} is not installed`),
    ...(result.kind === 'measured'
      ? result.dropped.map(({ name, why }) => `${result.name}: ${name}: ${first(why)}`)
      : []),
  ]);
}

/** Rates say something where the load ran as fast as it went. */
const rated = ({ result: { metric } }: Line): boolean => metric === 'cpu';

export const columns: readonly Column<Line>[] = [
  { title: 'scenario', value: ({ result }) => result.name },
  { title: 'size', align: 'right', value: ({ size }) => size || null },
  { title: 'against', value: ({ comparison }) => comparison?.against },
  { title: 'ratio', align: 'right', value: ({ comparison }) => comparison && ratios(comparison.ratio) },
  { title: 'gate', align: 'right', value: (line) => limitText(line, 'gate') },
  { title: 'goal', align: 'right', value: (line) => limitText(line, 'goal') },
  { title: 'ours', align: 'right', value: ({ result, ours }) => amount(ours.value, result.metric, result.unit) },
  {
    title: 'theirs',
    align: 'right',
    value: ({ result, comparison }) => comparison && amount(comparison.theirs.value, result.metric, result.unit),
  },
  {
    title: 'rate ratio',
    align: 'right',
    value: (line) => (line.comparison && rated(line) ? ratios(line.comparison.throughput) : null),
  },
  {
    title: 'our rate',
    align: 'right',
    value: (line) => (rated(line) ? rate(line.ours.unitsPerSecond, line.result.unit) : null),
  },
  {
    title: 'their rate',
    align: 'right',
    value: (line) =>
      line.comparison && rated(line) ? rate(line.comparison.theirs.unitsPerSecond, line.result.unit) : null,
  },
];

export const memoryColumns: readonly Column<MemoryLine>[] = [
  { title: 'scenario', value: ({ result }) => result.name },
  { title: 'size', align: 'right', value: ({ size }) => size || null },
  { title: 'server', value: ({ server }) => server },
  { title: 'idle', align: 'right', value: ({ idleBytes }) => bytes(idleBytes) },
  { title: 'under load', align: 'right', value: ({ loadedBytes }) => bytes(loadedBytes) },
  { title: 'after', align: 'right', value: ({ afterBytes }) => bytes(afterBytes) },
  { title: 'each', align: 'right', value: ({ perUnit }) => perUnit && `${bytes(perUnit.bytes)}/${perUnit.what}` },
];

/** A gate on a ratio is a plain number, one on the figure itself is in ms. */
function limitText({ limit, comparison }: Line, key: 'gate' | 'goal'): string | null {
  if (limit === null) return null;
  return comparison === null ? `${limit[key]} ms` : ratio(limit[key]);
}
