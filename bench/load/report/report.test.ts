import { describe, expect, it } from 'vitest';
import type { Gates } from '../gate.ts';
import type { ScenarioResult } from '../results.ts';
import { contender, measured, sample } from '../test/results.ts';
import { chartSvg } from './chart.ts';
import { formatHtml } from './html.ts';
import { formatMarkdown } from './markdown.ts';
import type { BenchRun } from './run.ts';
import { formatRun } from './text.ts';

const gates: Gates = {
  web: { nginx: { gate: 3, goal: 1 } },
  curve: { itself: { gate: 1.2, goal: 1.05 } },
  change: { ms: { gate: 500, goal: 50 } },
};

const web = (units: number, cpuMs: number) => sample(cpuMs, { units, elapsedMs: 2000, memoryBytes: 3 * 1024 ** 2 });
const results: ScenarioResult[] = [
  measured(
    [
      { ours: web(10_000, 500), nginx: web(20_000, 500) },
      { ours: web(10_000, 300), nginx: web(20_000, 400) },
    ],
    { missing: ['caddy'], dropped: [{ name: 'haproxy', why: 'body: 1 instead of 2\nits log' }] },
  ),
  measured([{ ours: sample(1700, { units: 5, elapsedMs: 2000 }) }], { name: 'stream', unit: 'GB', backend: null }),
  measured([{ 'ours@10': sample(1), 'ours@1010': sample(1.5) }], {
    name: 'curve',
    scale: { what: 'routes', one: 'route', sizes: [10, 1010], memory: 'idle' },
    contenders: [
      contender('ours', 10, { idleBytes: 10 * 1024 ** 2 }),
      contender('ours', 1010, { idleBytes: 10 * 1024 ** 2 + 2048 * 1000 }),
    ],
  }),
  measured([{ ours: sample(1, { timedUs: 7500 }) }], { name: 'change', metric: 'time' }),
  {
    ...measured([]),
    name: 'h2',
    missing: [],
    kind: 'failed',
    why: 'ours: <no> answer\nits log',
  },
];
const run: BenchRun = {
  date: '2026-03-04T05:06:07.000Z',
  machine: { processor: 'Fast One', cores: 2, memoryGib: 24, system: 'Debian', kernel: '6.1', loadBefore: 0.04 },
  settings: { rounds: 2, seconds: 2, warmUpSeconds: 1, workers: 1, engine: 'native' },
  versions: { ours: '0.1.0', nginx: '1.22', 'nginx-stream': 'present', caddy: null },
  results,
};

/** The cells of the first line that starts with these. */
function cells(text: string, ...start: readonly string[]): string[] {
  const lines = text.split('\n').map((line) => line.split(/ {2,}/));
  return lines.find((line) => start.every((cell, index) => line[index] === cell)) ?? [];
}

describe('BE-1 report', () => {
  it('shows the median ratio with min and max, and absolute figures beside', () => {
    expect(cells(formatRun(run, gates), 'web')).toEqual([
      'web',
      '-',
      'nginx',
      '1.75 (1.50–2.00)',
      '3.00',
      '1.00',
      '40 µs/request',
      '22.5 µs/request',
      '0.50 (0.50–0.50)',
      '5000 request/s',
      '10000 request/s',
    ]);
  });

  it('shows ours alone where no rival took part', () => {
    expect(cells(formatRun(run, gates), 'stream')).toEqual('stream,-,-,-,-,-,340 ms/GB,-,-,2.5 GB/s,-'.split(','));
    expect(cells(formatRun(run, gates), 'change')).toEqual('change,-,-,-,500 ms,50 ms,7.5 ms,-,-,-,-'.split(','));
  });

  it('BE-6 shows ours at the largest size beside itself at the smallest', () => {
    expect(cells(formatRun(run, gates), 'curve', '1010', 'itself').slice(2, 6)).toEqual([
      'itself',
      '1.50 (1.50–1.50)',
      '1.20',
      '1.05',
    ]);
  });

  it('BE-7 shows memory idle, under load and after, and what one more takes', () => {
    const [, memory = ''] = formatRun(run, gates).split('resident memory\n');
    expect(cells(memory, 'web')).toEqual(['web', '-', 'ours', '0 B', '3 MiB', '0 B', '-']);
    expect(cells(memory, 'curve', '1010').at(-1)).toBe('2 KiB/route');
  });

  it('says what was not measured, and why', () => {
    expect(formatRun(run, gates)).toContain(
      'not measured:\n  web: caddy is not installed\n  web: haproxy: body: 1 instead of 2\n  h2: ours: <no> answer\n',
    );
  });
});

describe('BE-10 page', () => {
  it('has date, machine, versions, settings and the tables', () => {
    const page = formatMarkdown(run, gates);
    expect(page).toContain('- Date: 2026-03-04\n');
    expect(page).toContain('- Machine: 2 × Fast One, 24 GiB, Debian, Linux 6.1; load 0.0 before the run\n');
    expect(page).toContain('- Ours: 0.1.0, native engine\n');
    expect(page).toContain('- Beside it: nginx 1.22\n');
    expect(page).toContain('2 rounds of 2 s for each server after 1 s of warm-up, 1 worker(s) each');
    expect(page).toContain(
      '| web | – | nginx | 1.75 (1.50–2.00) | 3.00 | 1.00 | 40 µs/request | 22.5 µs/request | 0.50 (0.50–0.50) | 5000 request/s | 10000 request/s |\n',
    );
    expect(page).toContain('| web | – | ours | 0 B | 3 MiB | 0 B | – |\n');
    expect(page).toContain('- **web**: requests. Backend: a small one.\n- **stream**: requests.\n');
  });

  it('lists what was not measured', () => {
    expect(formatMarkdown(run, gates)).toContain('## Not measured\n\n- web: caddy is not installed\n');
    expect(formatMarkdown({ ...run, results: [] }, gates)).not.toContain('Not measured');
  });
});

describe('BE-9 HTML report', () => {
  const page = formatHtml(run, gates);

  it('needs nothing but itself', () => {
    expect(page).not.toMatch(/(src|href)=|@import|url\(|https?:/);
    expect(page).toContain('light-dark(');
  });

  it('draws the ratios of each round with the gate, and the scale curves', () => {
    expect(page).toContain('<title>nginx, 1: 2.00</title>');
    expect(page).toContain('<title>nginx, 2: 1.50</title>');
    expect(page).toContain('>gate nginx</text>');
    expect(page).toContain('<title>ours, 1,010: 15 µs/request</title>');
  });

  it('escapes what servers say', () => {
    expect(page).toContain('h2: ours: &lt;no&gt; answer');
    expect(page).not.toContain('<no>');
  });

  it('draws within its frame, also a single point', () => {
    const chart = { label: 'x', xLabel: 'x', xScale: 'log', guides: [], formatX: String, formatY: String } as const;
    const svg = chartSvg({ ...chart, series: [{ name: 'a', points: [[5, 0]] }] });
    expect(svg).not.toMatch(/NaN|Infinity/);
  });
});
