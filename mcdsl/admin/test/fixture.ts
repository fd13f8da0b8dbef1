import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { recordingLogger } from '../../grpc/test/fixture.ts';
import { createHealth } from '../../health/index.ts';
import { createDrainProgress } from '../../lifecycle/drain-control.ts';
import { createMetricsRegistry } from '../../metrics/index.ts';
import { createAdminSocket } from '../index.ts';
import type { AdminSocket, AdminSocketOptions } from '../index.ts';

export async function scratchFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'mc-admin-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

export function adminParts() {
  const begun: (number | null)[] = [];
  const progress = createDrainProgress({
    begin: (timeoutMs) => {
      begun.push(timeoutMs);
      progress.draining(new Date(Date.now() + (timeoutMs ?? 30_000)));
    },
    remaining: () => 3,
  });
  const health = createHealth(['proxy']);
  const registry = createMetricsRegistry({ system: 'demo' });
  return { begun, progress, health, registry, logger: recordingLogger() };
}

export function openAdmin(
  path: string,
  options: Partial<AdminSocketOptions> = {},
  parts = adminParts(),
): Promise<AdminSocket> {
  return createAdminSocket({
    path,
    services: [],
    health: parts.health,
    stats: { service: 'demo', version: '1.2.3', databasePath: null, registry: parts.registry },
    drain: parts.progress.control,
    logger: parts.logger,
    ...options,
  });
}
