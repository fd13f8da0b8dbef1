import { stat } from 'node:fs/promises';

import { StatsService } from '../../proto/gen/mcdsl/v1/admin.ts';
import { defineService } from '../grpc/index.ts';
import type { ServedService } from '../grpc/index.ts';
import type { MetricsRegistry } from '../metrics/index.ts';

export type StatsSource = {
  readonly service: string;
  readonly version: string;
  /** null for a server without a database. */
  readonly databasePath: string | null;
  readonly registry: Pick<MetricsRegistry, 'samples'>;
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
          metrics: (await source.registry.samples()).filter(({ name }) => name.startsWith(metricPrefix)),
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
