import { describe, expect, it } from 'vitest';
import type { Gates } from './gate.ts';
import type { Sample, ScenarioResult } from './model.ts';
import { formatMarkdown, formatRun, type BenchRun } from './report.ts';

const gates: Gates = { web: { nginx: { cpu: { gate: 3, goal: 1 } } } };
const sample = (units: number, cpuMs: number): Sample => ({ units, elapsedMs: 2000, cpuMs });
const results: ScenarioResult[] = [
  {
    name: 'web',
    about: 'requests',
    unit: 'request',
    backend: 'a small one',
    missing: ['caddy'],
    kind: 'measured',
    engine: 'native',
    rounds: [
      { ours: sample(10_000, 500), nginx: sample(20_000, 500) },
      { ours: sample(10_000, 300), nginx: sample(20_000, 400) },
    ],
  },
  {
    name: 'stream',
    about: 'bytes',
    unit: 'GB',
    backend: 'another',
    missing: ['haproxy'],
    kind: 'measured',
    engine: 'native',
    rounds: [{ ours: sample(5, 1700) }],
  },
  { name: 'h2', about: '', unit: 'request', backend: '', missing: [], kind: 'failed', why: 'ours: no answer\nits log' },
];
const run: BenchRun = {
  date: '2026-03-04T05:06:07.000Z',
  machine: { processor: 'Fast One', cores: 2, memoryGib: 24, system: 'Debian', kernel: '6.1', loadBefore: 0.04 },
  settings: { rounds: 2, seconds: 2, warmUpSeconds: 1, workers: 1 },
  versions: { ours: '0.1.0', nginx: '1.22', caddy: null },
  results,
};

describe('BE-1 report', () => {
  it('shows the median ratio with min and max, and absolute figures beside', () => {
    const lines = formatRun(run, gates).split('\n');
    expect(lines[1]?.split(/ {2,}/)).toEqual([
      'web',
      'nginx',
      '1.75 (1.50–2.00)',
      '3.00',
      '1.00',
      '0.50 (0.50–0.50)',
      '40 µs/request',
      '22.5 µs/request',
      '5000 request/s',
      '10000 request/s',
    ]);
  });

  it('shows ours alone where no rival took part', () => {
    const line = formatRun(run, gates)
      .split('\n')
      .find((text) => text.startsWith('stream'));
    expect(line?.split(/ {2,}/)).toEqual(['stream', '-', '-', '-', '-', '-', '340 ms/GB', '-', '2.5 GB/s', '-']);
  });

  it('says what was not measured, and why', () => {
    expect(formatRun(run, gates)).toContain('not measured:\n  h2: ours: no answer\nits log\n');
  });
});

describe('BE-10 page', () => {
  it('has date, machine, versions, settings and the table', () => {
    const page = formatMarkdown(run, gates);
    expect(page).toContain('- Date: 2026-03-04\n');
    expect(page).toContain('- Machine: 2 × Fast One, 24 GiB, Debian, Linux 6.1; load 0.0 before the run\n');
    expect(page).toContain('- Ours: 0.1.0, native engine\n');
    expect(page).toContain('- Beside it: nginx 1.22\n');
    expect(page).toContain('2 rounds of 2 s for each server after 1 s of warm-up, 1 worker(s) each');
    expect(page).toContain(
      '| web | nginx | 1.75 (1.50–2.00) | 3.00 | 1.00 | 0.50 (0.50–0.50) | 40 µs/request | 22.5 µs/request | 5000 request/s | 10000 request/s |\n',
    );
    expect(page).toContain('- **web**: requests. Backend: a small one.\n');
  });

  it('lists what was not measured', () => {
    expect(formatMarkdown(run, gates)).toContain(
      '## Not measured\n\n- web: caddy was not installed\n- stream: haproxy was not installed\n- h2: ours: no answer\n',
    );
    expect(formatMarkdown({ ...run, results: [] }, gates)).not.toContain('Not measured');
  });
});
