import fs from 'node:fs/promises';

import type { FamilyDefinition, FamilySamples, ValueSample } from './families.ts';
import { measureLoopDelay } from './loop-delay.ts';
import type { LoopDelay } from './loop-delay.ts';
import type { MetricsRegistry } from './registry.ts';

/**
 * Adds what every server shows of itself: build, start time, CPU (all threads), memory, file descriptors, and the delay
 * of the main thread's event loop over the last ten seconds or more. Disposing stops the measuring.
 */
export function addProcessMetrics(registry: MetricsRegistry, version: string): Disposable {
  const prefix = `mc_${registry.system}`;
  const delay = measureLoopDelay();
  const startSeconds = Date.now() / 1000 - process.uptime();

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
      return new Map<string, FamilySamples>([
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
        [loop.name, { kind: 'gauge', samples: loopDelaySamples(delay.read()) }],
      ]);
    },
  });
  return delay;
}

/** One sample a statistic; none before anything was measured. `labels` tells one loop from another. */
export function loopDelaySamples(
  delay: LoopDelay | null,
  labels: Readonly<Record<string, string>> = {},
): ValueSample[] {
  return Object.entries(delay ?? {}).map(([statistic, value]) => ({ labels: { ...labels, statistic }, value }));
}

async function openDescriptors(): Promise<number> {
  // The listing itself has one open.
  return (await fs.readdir('/proc/self/fd')).length - 1;
}

async function descriptorLimit(): Promise<number> {
  const limits = await fs.readFile('/proc/self/limits', 'utf8');
  return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? 0);
}
