import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Column } from '../../../mcdsl/terminal/index.ts';
import { amount, ratio } from '../format.ts';
import type { Gates } from '../gate.ts';
import type { MeasuredScenario, ScenarioResult } from '../results.ts';
import { figuresOf, ITSELF, valuesOf } from '../statistics.ts';
import { chartSvg, escapeHtml, type Series } from './chart.ts';
import { linesOf, measured, memoryLinesOf } from './lines.ts';
import { describeRun, HOW_TO_READ } from './markdown.ts';
import type { BenchRun } from './run.ts';
import { absences, columns, memoryColumns } from './text.ts';

/** The report of one run as a page that needs nothing else (BE-9): tables, ratios of each round, scale curves. */
export function formatHtml(run: BenchRun, gates: Gates): string {
  const absent = absences(run);
  const style = readFileSync(join(import.meta.dirname, 'report.css'), 'utf8');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Benchmark of ${escapeHtml(run.date.slice(0, 10))}</title>
<style>
${style}</style>
</head>
<body>
<h1>Benchmark</h1>
<ul>${describeRun(run)
    .map((line) => `<li>${escapeHtml(line)}</li>`)
    .join('')}</ul>
<p>${escapeHtml(HOW_TO_READ.replaceAll('`', ''))}</p>
${table(columns, linesOf(run.results, gates))}
${absent.length === 0 ? '' : `<h2>Not measured</h2><ul>${absent.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul>`}
${run.results.map((result) => section(result, gates)).join('\n')}
<h2>Memory</h2>
${table(memoryColumns, memoryLinesOf(run.results))}
</body>
</html>
`;
}

function section(result: ScenarioResult, gates: Gates): string {
  const charts = measured([result]).flatMap((one) => [roundsChart(one, gates), scaleChart(one)]);
  const backend = result.backend === null ? '' : ` Backend: ${result.backend}.`;
  return `<section id="${escapeHtml(result.name)}">
<h2>${escapeHtml(result.name)}</h2>
<p>${escapeHtml(`${result.about}.${backend}`)}</p>
${charts.join('\n')}
</section>`;
}

/** Ours ÷ the rival's in each round, and at the largest size ÷ at the smallest. */
function roundsChart(result: MeasuredScenario, gates: Gates): string {
  const series = ratioSeries(result);
  if (series.length === 0) return '';
  const guides = Object.entries(gates[result.name] ?? {}).filter(([against]) =>
    series.some(({ name }) => name.split('@')[0] === against),
  );
  return figure(
    'ratio of each round, ours ÷ theirs',
    chartSvg({
      label: `ratios of ${result.name} over the rounds`,
      xLabel: 'round',
      xScale: 'linear',
      series,
      guides: guides.map(([against, { gate }]) => ({ y: gate, label: `gate ${against}` })),
      formatX: String,
      formatY: ratio,
    }),
  );
}

function ratioSeries(result: MeasuredScenario): Series[] {
  const ours = result.contenders.filter(({ name }) => name === 'ours');
  const rivals = result.contenders.filter(({ name }) => name !== 'ours' && name !== 'direct');
  const values = new Map([...ours, ...rivals].map((one) => [one.id, valuesOf(result, one)]));
  const divide = (name: string, our: string, their: string): Series => ({
    name,
    points: (values.get(our) ?? []).map((value, index) => [
      index + 1,
      value / (values.get(their)?.[index] ?? Number.NaN),
    ]),
  });
  const beside = ours.flatMap((our) =>
    rivals.filter(({ size }) => size === our.size).map((rival) => divide(rival.id, our.id, rival.id)),
  );
  const [first, last] = [ours[0], ours.at(-1)];
  return first === undefined || last === undefined || first === last
    ? beside
    : [...beside, divide(ITSELF, last.id, first.id)];
}

/** What the scenario counts at each size, of ours and of each rival. */
function scaleChart(result: MeasuredScenario): string {
  const { scale, metric, unit } = result;
  if (scale === null) return '';
  const names = [...new Set(result.contenders.map(({ name }) => name))].filter((name) => name !== 'direct');
  return figure(
    `by ${scale.what}`,
    chartSvg({
      label: `${result.name} by ${scale.what}`,
      xLabel: scale.what,
      xScale: 'log',
      series: names.map((name) => ({
        name,
        points: result.contenders
          .filter((contender) => contender.name === name)
          .map((contender) => [contender.size, figuresOf(result, contender).value]),
      })),
      guides: [],
      formatX: (size) => size.toLocaleString('en'),
      formatY: (value) => amount(value, metric, unit),
    }),
  );
}

function figure(caption: string, svg: string): string {
  return `<figure><figcaption>${escapeHtml(caption)}</figcaption>\n${svg}\n</figure>`;
}

function table<Row>(tableColumns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cell = (tag: string, { align }: Column<Row>, text: string): string =>
    `<${tag}${align === 'right' ? ' class="number"' : ''}>${escapeHtml(text)}</${tag}>`;
  const body = rows.map(
    (row) => `<tr>${tableColumns.map((column) => cell('td', column, String(column.value(row) ?? '–'))).join('')}</tr>`,
  );
  return `<div class="wide"><table>
<thead><tr>${tableColumns.map((column) => cell('th', column, column.title)).join('')}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table></div>`;
}
