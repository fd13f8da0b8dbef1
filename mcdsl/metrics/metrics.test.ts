import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { addProcessMetrics, createMetricsRegistry } from './index.ts';
import type { FamilySamples, MetricSource, MetricsRegistry } from './index.ts';
import { checkLabels, checkMetricName } from './naming.ts';

const registry = (more = {}): MetricsRegistry => createMetricsRegistry({ system: 'demo', ...more });

/** The sample lines of one family. */
async function lines(from: MetricsRegistry, name: string): Promise<string[]> {
  return (await from.render())
    .split('\n')
    .filter((line) => new RegExp(`^${name}(_bucket|_sum|_count)?[ {]`).test(line));
}

function source(name: string, samples: FamilySamples, more: object = {}): MetricSource {
  const { kind } = samples;
  const labels = ['reason'];
  return { families: [{ kind, name, help: 'h', labels, ...more }], collect: async () => new Map([[name, samples]]) };
}

describe('metric names', () => {
  it.each([
    ['counter', 'mc_proxy_refused_total'],
    ['counter', 'mc_proxy_geoip_reload_failures_total'],
    ['counter', 'mc_proxy_relayed_bytes_total'],
    ['gauge', 'mc_proxy_active_connections'],
    ['gauge', 'mc_proxy_certificate_expiry_days'],
    ['gauge', 'mc_proxy_token_expiry_seconds'],
    ['histogram', 'mc_proxy_handshake_duration_seconds'],
  ] as const)('accepts the %s %s', (kind, name) => {
    expect(() => checkMetricName('proxy', kind, name)).not.toThrow();
  });

  it.each([
    ['counter', 'mc_proxy_refused', 'and its unit'],
    ['counter', 'mc_proxy_refused_bytes', 'must end in _total'],
    ['histogram', 'mc_proxy_expiry_days', 'must end in one of'],
    ['counter', 'mc_dns_queries_total', 'must begin with mc_proxy_'],
    ['counter', 'mc_proxy_total', 'what it measures'],
    ['counter', 'mc_proxy_Refused_total', 'lower-case'],
    ['counter', 'mc_proxy__refused_total', 'lower-case'],
    ['gauge', 'mc_proxy_delay_ms', 'must end in one of'],
    ['gauge', 'mc_proxy_refused_total', 'must end in one of'],
    ['gauge', 'mc_proxy_cpu_percent', 'must end in one of'],
    ['histogram', 'mc_proxy_size_connections', 'must end in one of: seconds, bytes, ratio'],
  ] as const)('refuses the %s %s: %s', (kind, name, reason) => {
    expect(() => checkMetricName('proxy', kind, name)).toThrowError(reason);
  });

  it('refuses labels that are malformed, reserved or repeated', () => {
    for (const labels of [['Reason'], ['le'], ['a', 'a'], ['__proto__'], ['']]) {
      expect(() => checkLabels('m', labels)).toThrowError(/metric m: label/);
    }
  });

  it('are checked and given once, whoever keeps the numbers', () => {
    const metrics = registry();
    metrics.counter({ name: 'mc_demo_events_total', help: 'h', labels: [] });
    const again = { name: 'mc_demo_events_total', help: 'h', labels: [] };
    expect(() => metrics.counter(again)).toThrowError(/defined twice/);
    expect(() => metrics.addSource(source('mc_demo_events_total', { kind: 'counter', samples: [] }))).toThrowError(
      /twice/,
    );
    expect(() => metrics.gauge({ ...again, name: 'mc_demo_events' })).toThrowError(/must say what/);
    expect(() => metrics.gauge({ ...again, name: 'mc_demo_a_bytes', help: '' })).toThrowError(/no help/);
    for (const buckets of [[], [1, 1], [2, 1], [Number.NaN], [1, Infinity]]) {
      expect(() => metrics.histogram({ ...again, name: 'mc_demo_a_seconds', buckets })).toThrowError(/rising finite/);
    }
  });
});

describe('metrics of the main thread', () => {
  it('are rendered for Prometheus', async () => {
    const metrics = registry();
    const events = metrics.counter({ name: 'mc_demo_events_total', help: 'Events.', labels: ['reason'] });
    const active = metrics.gauge({ name: 'mc_demo_active_connections', help: 'Active.', labels: [] });
    const wait = metrics.histogram({ name: 'mc_demo_wait_seconds', help: 'Wait.', labels: [], buckets: [0.1, 1] });
    events.inc({ reason: 'a "b"\n\\' });
    events.inc({ reason: 'c' }, 2.5);
    active.set({}, 7);
    for (const value of [0.05, 0.5, 5]) wait.observe({}, value);
    const text = await metrics.render();
    expect(text).toContain('# HELP mc_demo_events_total Events.\n# TYPE mc_demo_events_total counter\n');
    expect(await lines(metrics, 'mc_demo_events_total')).toEqual([
      String.raw`mc_demo_events_total{reason="a \"b\"\n\\"} 1`,
      'mc_demo_events_total{reason="c"} 2.5',
    ]);
    expect(await lines(metrics, 'mc_demo_active_connections')).toEqual(['mc_demo_active_connections 7']);
    expect(await lines(metrics, 'mc_demo_wait_seconds')).toEqual([
      'mc_demo_wait_seconds_bucket{le="0.1"} 1',
      'mc_demo_wait_seconds_bucket{le="1"} 2',
      'mc_demo_wait_seconds_bucket{le="+Inf"} 3',
      'mc_demo_wait_seconds_sum 5.55',
      'mc_demo_wait_seconds_count 3',
    ]);
  });

  it('keep their labels and their number of series closed, never throw, and count what they leave out', async () => {
    const metrics = registry();
    const events = metrics.counter({ name: 'mc_demo_events_total', help: 'h', labels: ['reason'], maxSeries: 2 });
    for (const reason of ['a', 'b', 'c', 'd', 'a']) events.inc({ reason });
    events.inc({ other: 'a' } as never);
    events.inc({ reason: 'a', more: 'b' } as never);
    events.inc({ reason: 'a' }, -1);
    events.inc({ reason: 'a' }, Number.NaN);
    expect(await lines(metrics, 'mc_demo_events_total')).toEqual([
      'mc_demo_events_total{reason="a"} 2',
      'mc_demo_events_total{reason="b"} 1',
    ]);
    expect(await lines(metrics, 'mc_demo_metrics_dropped_samples_total')).toEqual([
      'mc_demo_metrics_dropped_samples_total 6',
    ]);
  });
});

describe('metrics kept elsewhere', () => {
  it('are asked for at each scrape', async () => {
    const metrics = registry();
    let n = 0;
    metrics.addSource({
      families: [
        { kind: 'counter', name: 'mc_demo_events_total', help: 'h', labels: ['reason'] },
        { kind: 'gauge', name: 'mc_demo_queue_entries', help: 'h', labels: [] },
      ],
      collect: async () =>
        new Map<string, FamilySamples>([
          ['mc_demo_events_total', { kind: 'counter', samples: [{ labels: { reason: 'a' }, value: ++n }] }],
          ['mc_demo_queue_entries', { kind: 'gauge', samples: n > 1 ? [] : [{ labels: {}, value: -3 }] }],
        ]),
    });
    expect(await lines(metrics, 'mc_demo_queue_entries')).toEqual(['mc_demo_queue_entries -3']);
    expect(await lines(metrics, 'mc_demo_events_total')).toEqual(['mc_demo_events_total{reason="a"} 2']);
    expect(await lines(metrics, 'mc_demo_queue_entries')).toEqual([]);
  });

  it('make a histogram of counts a bucket', async () => {
    const metrics = registry();
    const samples = [{ labels: { reason: 'a' }, bucketCounts: [3, 0, 2], sum: 9.5, count: 5 }];
    metrics.addSource(source('mc_demo_wait_seconds', { kind: 'histogram', samples }, { buckets: [0.5, 1] }));
    expect(await lines(metrics, 'mc_demo_wait_seconds')).toEqual([
      'mc_demo_wait_seconds_bucket{reason="a",le="0.5"} 3',
      'mc_demo_wait_seconds_bucket{reason="a",le="1"} 3',
      'mc_demo_wait_seconds_bucket{reason="a",le="+Inf"} 5',
      'mc_demo_wait_seconds_sum{reason="a"} 9.5',
      'mc_demo_wait_seconds_count{reason="a"} 5',
    ]);
  });

  it('leave out and count what does not fit the family', async () => {
    const metrics = registry();
    const good = { labels: { reason: 'a' }, value: 1 };
    const samples = [
      good,
      good,
      { labels: {}, value: 1 },
      { labels: { reason: 'a', more: 'b' }, value: 1 },
      { labels: { reason: 7 } as never, value: 1 },
      { labels: { reason: 'b' }, value: -1 },
      { labels: { reason: 'b' }, value: Number.NaN },
    ];
    metrics.addSource(source('mc_demo_events_total', { kind: 'counter', samples }));
    metrics.addSource(source('mc_demo_other_total', { kind: 'gauge', samples: [good] }, { kind: 'counter' }));
    const histogram = { labels: { reason: 'a' }, bucketCounts: [1, 1], sum: 1, count: 2 };
    metrics.addSource(
      source(
        'mc_demo_wait_seconds',
        {
          kind: 'histogram',
          samples: [
            { ...histogram, bucketCounts: [2] },
            { ...histogram, bucketCounts: [1, 2] },
            { ...histogram, bucketCounts: [3, -1] },
            { ...histogram, bucketCounts: [0.5, 1.5] },
          ],
        },
        { buckets: [1] },
      ),
    );
    expect(await lines(metrics, 'mc_demo_events_total')).toEqual(['mc_demo_events_total{reason="a"} 1']);
    expect(await lines(metrics, 'mc_demo_wait_seconds')).toEqual([]);
    // Eleven at each of three scrapes.
    const dropped = Number((await lines(metrics, 'mc_demo_metrics_dropped_samples_total'))[0]!.split(' ')[1]);
    expect(dropped).toBe(3 * 11);
  });

  it('are left out, counted and reported when their source fails or is late; the others stay', async () => {
    const heard: unknown[] = [];
    const metrics = registry({ collectTimeoutMs: 20, onSourceError: (error: unknown) => heard.push(error) });
    const good: FamilySamples = { kind: 'counter', samples: [{ labels: { reason: 'a' }, value: 1 }] };
    let aborted = false;
    metrics.addSource({
      ...source('mc_demo_a_b_total', good),
      collect: () => Promise.reject(new Error('worker gone')),
    });
    metrics.addSource({
      ...source('mc_demo_late_total', good),
      collect: (signal) => new Promise(() => signal.addEventListener('abort', () => (aborted = true))),
    });
    metrics.addSource(source('mc_demo_good_total', good));
    expect(await lines(metrics, 'mc_demo_good_total')).toEqual(['mc_demo_good_total{reason="a"} 1']);
    expect(heard.map(String).sort()).toEqual([
      'Error: a source of metrics did not answer within 20 ms',
      'Error: worker gone',
    ]);
    expect(aborted).toBe(true);
    expect(await lines(metrics, 'mc_demo_late_total')).toEqual([]);
    expect(await lines(metrics, 'mc_demo_metrics_collect_failures_total')).toEqual([
      'mc_demo_metrics_collect_failures_total 6',
    ]);
  });

  it('are asked once for scrapes at the same time', async () => {
    const metrics = registry();
    let asked = 0;
    const samples: FamilySamples = { kind: 'counter', samples: [] };
    metrics.addSource({
      ...source('mc_demo_events_total', samples),
      collect: async () => {
        asked++;
        return new Map();
      },
    });
    const texts = await Promise.all(Array.from({ length: 50 }, () => metrics.render()));
    expect([asked, new Set(texts).size]).toEqual([1, 1]);
    await metrics.render();
    expect(asked).toBe(2);
  });

  it('give lines of the text format for any label value', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.string({ unit: 'binary' }), { maxLength: 5 }), async (values) => {
        const metrics = registry();
        const samples = values.map((reason) => ({ labels: { reason }, value: 1 }));
        metrics.addSource(source('mc_demo_events_total', { kind: 'counter', samples }));
        const got = await lines(metrics, 'mc_demo_events_total');
        expect(got).toHaveLength(values.length);
        for (const line of got) expect(line).toMatch(/^mc_demo_events_total\{reason="([^"\\\n]|\\["\\n])*"\} 1$/s);
      }),
      { numRuns: 50 },
    );
  });
});

describe('process metrics', () => {
  it('show this process under our names', async () => {
    const metrics = registry();
    using _measuring = addProcessMetrics(metrics, '0.1.0');
    const value = async (name: string) => Number((await lines(metrics, name))[0]?.split(' ').at(-1));
    expect(await lines(metrics, 'mc_demo_build_info')).toEqual([
      `mc_demo_build_info{version="0.1.0",node="${process.version}"} 1`,
    ]);
    expect(await value('mc_demo_process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(await value('mc_demo_process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(await value('mc_demo_process_open_file_descriptors')).toBeGreaterThan(3);
    expect(await value('mc_demo_process_max_file_descriptors')).toBeGreaterThan(100);
    expect(Math.abs((await value('mc_demo_process_start_time_seconds')) - Date.now() / 1000)).toBeLessThan(3600);
    while ((await lines(metrics, 'mc_demo_event_loop_delay_seconds')).length === 0) await new Promise(setImmediate);
    expect(await lines(metrics, 'mc_demo_event_loop_delay_seconds')).toHaveLength(4);
  });
});
