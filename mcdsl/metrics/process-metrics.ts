import fs from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ELDHistogram } from 'node:perf_hooks';

import type { FamilyDefinition, FamilySamples } from './families.ts';
import type { MetricsRegistry } from './registry.ts';

const resolutionMs = 10;
const windowMs = 10_000;

/**
 * Adds what every server shows of itself: build, start time, CPU (all threads), memory, file descriptors, and the delay
 * of the main thread's event loop over the last ten seconds or more. Disposing stops the measuring.
 */
export function addProcessMetrics(registry: MetricsRegistry, version: string): Disposable {
  const prefix = `mc_${registry.system}`;
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  const startSeconds = Date.now() / 1000 - process.uptime();
  let windowStart = performance.now();

  const gauge = (name: string, help: string, labels: readonly string[] = []): FamilyDefinition => ({
    kind: 'gauge',
    name: `${prefix}_${name}`,
    help,
    labels,
  });
  const build = gauge('build_info', 'Constant 1; the labels say what runs.', ['version', 'node']);
  const start = gauge('process_start_time_seconds', 'Start of the process, as Unix time.');
  const resident = gauge('process_resident_memory_bytes', 'Resident memory of the process.');
  const heap = gauge('process_heap_used_bytes', 'Used JavaScript heap of the main thread.');
  const open = gauge('process_open_file_descriptors', 'Open file descriptors.');
  const limit = gauge('process_max_file_descriptors', 'Limit of open file descriptors.');
  const loop = gauge('event_loop_delay_seconds', 'How late timers of the main thread fire.', ['statistic']);
  const cpu: FamilyDefinition = {
    kind: 'counter',
    name: `${prefix}_process_cpu_seconds_total`,
    help: 'CPU time of the process, all threads.',
    labels: ['mode'],
  };

  const one = (value: number): FamilySamples => ({ kind: 'gauge', samples: [{ labels: {}, value }] });

  registry.addSource({
    families: [build, start, cpu, resident, heap, open, limit, loop],
    async collect() {
      const { user, system } = process.cpuUsage();
      const answers = new Map<string, FamilySamples>([
        [build.name, { kind: 'gauge', samples: [{ labels: { version, node: process.version }, value: 1 }] }],
        [start.name, one(startSeconds)],
        [
          cpu.name,
          {
            kind: 'counter',
            samples: [
              { labels: { mode: 'user' }, value: user / 1e6 },
              { labels: { mode: 'system' }, value: system / 1e6 },
            ],
          },
        ],
        [resident.name, one(process.memoryUsage.rss())],
        [heap.name, one(process.memoryUsage().heapUsed)],
        [open.name, one(await openDescriptors())],
        [limit.name, one(await descriptorLimit())],
        [loop.name, { kind: 'gauge', samples: delaySamples(delay) }],
      ]);
      if (performance.now() - windowStart > windowMs) {
        delay.reset();
        windowStart = performance.now();
      }
      return answers;
    },
  });
  return { [Symbol.dispose]: () => void delay.disable() };
}

/** The histogram measures the interval between two timers, so the timer's own length is taken off. */
function delaySamples(delay: ELDHistogram): { labels: { statistic: string }; value: number }[] {
  if (delay.count === 0) return [];
  const seconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolutionMs) / 1000;
  return [
    { labels: { statistic: 'mean' }, value: seconds(delay.mean) },
    { labels: { statistic: 'p50' }, value: seconds(delay.percentile(50)) },
    { labels: { statistic: 'p99' }, value: seconds(delay.percentile(99)) },
    { labels: { statistic: 'max' }, value: seconds(delay.max) },
  ];
}

async function openDescriptors(): Promise<number> {
  // The listing itself has one open.
  return (await fs.readdir('/proc/self/fd')).length - 1;
}

async function descriptorLimit(): Promise<number> {
  const limits = await fs.readFile('/proc/self/limits', 'utf8');
  return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? 0);
}
