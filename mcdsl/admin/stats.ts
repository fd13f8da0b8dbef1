import { stat } from 'node:fs/promises';

import type { Registry } from 'prom-client';

import { StatsService } from '../../proto/gen/mcdsl/v1/admin.ts';
import type { MetricSample } from '../../proto/gen/mcdsl/v1/admin.ts';
import { defineService } from '../grpc/index.ts';
import type { ServedService } from '../grpc/index.ts';

export type StatsSource = {
  readonly service: string;
  readonly version: string;
  /** null for a server without a database. */
  readonly databasePath: string | null;
  readonly registry: Registry;
};

/** `mcdsl.v1.Stats`: what the process is and uses, and every metric of its registry. */
export function statsService(source: StatsSource): ServedService {
  return defineService(StatsService, {
    handlers: {
      async getStats({ metricPrefix }) {
        const memory = process.memoryUsage();
        const cpu = process.cpuUsage();
        const uptimeSeconds = process.uptime();
        return {
          service: source.service,
          version: source.version,
          startTime: new Date(Date.now() - uptimeSeconds * 1000),
          uptimeSeconds,
          pid: process.pid,
          memory: {
            residentBytes: memory.rss,
            heapUsedBytes: memory.heapUsed,
            heapTotalBytes: memory.heapTotal,
            externalBytes: memory.external,
          },
          cpu: { userSeconds: cpu.user / 1e6, systemSeconds: cpu.system / 1e6 },
          databaseSizeBytes: source.databasePath === null ? undefined : await databaseSize(source.databasePath),
          metrics: await samplesOf(source.registry, metricPrefix),
        };
      },
    },
    authorization: { getStats: 'socket' },
  });
}

async function databaseSize(path: string): Promise<number> {
  const sizes = await Promise.all([path, `${path}-wal`].map(sizeOf));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

async function samplesOf(registry: Registry, prefix: string): Promise<MetricSample[]> {
  const samples: MetricSample[] = [];
  for (const metric of await registry.getMetricsAsJSON()) {
    if (!metric.name.startsWith(prefix)) continue;
    for (const value of metric.values) {
      // Histograms and summaries name each of their series themselves.
      const name = 'metricName' in value && typeof value.metricName === 'string' ? value.metricName : metric.name;
      const labels = Object.entries(value.labels).map(([label, text]) => [label, String(text)] as const);
      samples.push({ name, labels: Object.fromEntries(labels), value: value.value });
    }
  }
  const key = new Map(samples.map((sample) => [sample, `${sample.name} ${JSON.stringify(sample.labels)}`]));
  return samples.sort((a, b) => ((key.get(a) ?? '') < (key.get(b) ?? '') ? -1 : 1));
}
