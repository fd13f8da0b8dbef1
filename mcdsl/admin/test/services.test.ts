import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { HealthCheckResponse_ServingStatus, HealthService } from '../../../proto/gen/grpc/health/v1/health.ts';
import { DrainService, DrainState, StatsService } from '../../../proto/gen/mcdsl/v1/admin.ts';
import { connectUnix, defineService } from '../../grpc/index.ts';
import { DemoService, echo, socketRules } from '../../grpc/test/fixture.ts';
import { adminParts, openAdmin, scratchFolder } from './fixture.ts';

describe('the services of every admin socket', () => {
  it('answer health, and the server’s own services beside them', async () => {
    await using folder = await scratchFolder();
    const parts = adminParts();
    parts.health.set('proxy', 'serving');
    const own = defineService(DemoService, { handlers: echo, authorization: socketRules });
    await using admin = await openAdmin(join(folder.path, 'a'), { services: [own] }, parts);
    using connection = await connectUnix(admin.path);
    const health = connection.client(HealthService);
    await expect(health.check({ service: '' })).resolves.toEqual({ status: HealthCheckResponse_ServingStatus.SERVING });
    await expect(connection.client(DemoService).say({ text: 'hi', count: 0 })).resolves.toEqual({ text: 'hi' });
  });

  it('show what the process is and uses, and its metrics', async () => {
    await using folder = await scratchFolder();
    const parts = adminParts();
    const refused = parts.registry.counter({ name: 'mc_demo_refused_total', help: 'x', labels: ['reason'] });
    refused.inc({ reason: 'b' }, 2);
    refused.inc({ reason: 'a' }, 5);
    const calls = parts.registry.histogram({ name: 'mc_demo_call_seconds', help: 'x', labels: [], buckets: [1] });
    calls.observe({}, 0.5);
    const databasePath = join(folder.path, 'demo.db');
    await writeFile(databasePath, 'x'.repeat(100));
    await writeFile(`${databasePath}-wal`, 'x'.repeat(11));
    const stats = { service: 'demo', version: '1.2.3', databasePath, registry: parts.registry };
    await using admin = await openAdmin(join(folder.path, 'a'), { stats }, parts);
    using connection = await connectUnix(admin.path);
    const client = connection.client(StatsService);
    const shown = await client.getStats({ metricPrefix: 'mc_demo_refused' });
    expect(shown).toMatchObject({ service: 'demo', version: '1.2.3', pid: process.pid, databaseSizeBytes: 111 });
    expect(shown.metrics).toEqual([
      { name: 'mc_demo_refused_total', labels: { reason: 'a' }, value: 5 },
      { name: 'mc_demo_refused_total', labels: { reason: 'b' }, value: 2 },
    ]);
    expect(shown.memory!.residentBytes).toBeGreaterThan(1_000_000);
    expect(shown.cpu!.userSeconds).toBeGreaterThan(0);
    expect(shown.startTime!.getTime()).toBeLessThanOrEqual(Date.now());
    const all = await client.getStats({ metricPrefix: '' });
    expect(all.metrics.map((sample) => `${sample.name} ${sample.labels['le'] ?? ''}`)).toEqual(
      expect.arrayContaining([
        'mc_demo_call_seconds_bucket 1',
        'mc_demo_call_seconds_bucket +Inf',
        'mc_demo_call_seconds_sum ',
      ]),
    );
  });

  it('say nothing of a database that the server does not have', async () => {
    await using folder = await scratchFolder();
    await using admin = await openAdmin(join(folder.path, 'a'));
    using connection = await connectUnix(admin.path);
    const shown = await connection.client(StatsService).getStats({ metricPrefix: '' });
    expect(shown.databaseSizeBytes).toBeUndefined();
  });

  it('begin a drain and show it until nothing is left', async () => {
    await using folder = await scratchFolder();
    const parts = adminParts();
    await using admin = await openAdmin(join(folder.path, 'a'), {}, parts);
    using connection = await connectUnix(admin.path);
    const client = connection.client(DrainService);
    const seen = client.watchDrain({})[Symbol.asyncIterator]();
    expect((await seen.next()).value).toEqual({
      status: { state: DrainState.SERVING, deadline: undefined, remaining: 3 },
    });
    await expect(client.beginDrain({ timeoutMs: -1 })).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(client.beginDrain({ timeoutMs: 2 ** 40 })).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(parts.begun).toEqual([]);
    const { status } = await client.beginDrain({ timeoutMs: 60_000 });
    expect(status).toMatchObject({ state: DrainState.DRAINING, remaining: 3, deadline: expect.any(Date) });
    expect(parts.begun).toEqual([60_000]);
    await expect(seen.next()).resolves.toMatchObject({ value: { status: { state: DrainState.DRAINING } } });
    parts.progress.drained();
    await expect(seen.next()).resolves.toMatchObject({ value: { status: { state: DrainState.DRAINED } } });
    await expect(seen.next()).resolves.toMatchObject({ done: true });
  });

  it('refuse an oversized message and go on', async () => {
    await using folder = await scratchFolder();
    await using admin = await openAdmin(join(folder.path, 'a'), { limits: { maxRequestBytes: 1000 } });
    using connection = await connectUnix(admin.path);
    const client = connection.client(StatsService);
    await expect(client.getStats({ metricPrefix: 'x'.repeat(2000) })).rejects.toMatchObject({
      grpc: 'RESOURCE_EXHAUSTED',
    });
    await expect(client.getStats({ metricPrefix: 'none' })).resolves.toMatchObject({ metrics: [] });
  });
});
