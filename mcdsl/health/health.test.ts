import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { HealthCheckResponse_ServingStatus as Status, HealthService } from '../../proto/gen/grpc/health/v1/health.ts';
import { connectUnix, createGrpcServer } from '../grpc/index.ts';
import { recordingLogger } from '../grpc/test/fixture.ts';
import { createHealth, healthService } from './index.ts';
import type { Health } from './index.ts';

async function serve(health: Health) {
  const folder = await mkdtemp(join(tmpdir(), 'mc-health-'));
  const server = createGrpcServer({ transport: 'unix', services: [healthService(health)], logger: recordingLogger() });
  const listener = createServer((socket) => server.accept(socket)).listen(join(folder, 's'));
  await once(listener, 'listening');
  const connection = await connectUnix(join(folder, 's'));
  return {
    ...connection.client(HealthService),
    async [Symbol.asyncDispose]() {
      connection[Symbol.dispose]();
      listener.close();
      await server.close(100);
      await rm(folder, { recursive: true });
    },
  };
}

describe('health', () => {
  it('serves when every part does, and says which does not', () => {
    const health = createHealth(['proxy', 'database']);
    expect(health.report()).toMatchObject({ httpStatus: 503, body: { status: 'not_serving' } });
    health.set('proxy', 'serving');
    health.set('database', 'not_serving', 'disk full');
    expect(health.report()).toEqual({
      httpStatus: 503,
      body: {
        status: 'not_serving',
        reason: 'database: disk full',
        parts: { proxy: { status: 'serving' }, database: { status: 'not_serving', reason: 'disk full' } },
      },
    });
    health.set('database', 'serving');
    expect(health.report()).toEqual({
      httpStatus: 200,
      body: { status: 'serving', parts: { proxy: { status: 'serving' }, database: { status: 'serving' } } },
    });
  });

  it('never serves again once shut down', () => {
    const health = createHealth(['proxy']);
    health.set('proxy', 'serving');
    health.shutDown('draining');
    health.set('proxy', 'serving');
    expect(health.get('proxy')).toEqual({ state: 'not_serving', reason: 'draining' });
    expect(health.report().httpStatus).toBe(503);
  });

  it('refuses to set the whole by hand', () => {
    expect(() => createHealth([''])).toThrow('empty name');
  });

  it('is a server without parts that serves', () => {
    expect(createHealth([]).report().httpStatus).toBe(200);
  });
});

describe('grpc.health.v1', () => {
  it('answers Check and List', async () => {
    const health = createHealth(['proxy', 'database']);
    health.set('proxy', 'serving');
    await using client = await serve(health);
    await expect(client.check({ service: 'proxy' })).resolves.toEqual({ status: Status.SERVING });
    await expect(client.check({ service: '' })).resolves.toEqual({ status: Status.NOT_SERVING });
    await expect(client.check({ service: 'nothing' })).rejects.toMatchObject({ code: 'not_found' });
    await expect(client.list({})).resolves.toEqual({
      statuses: {
        '': { status: Status.NOT_SERVING },
        proxy: { status: Status.SERVING },
        database: { status: Status.NOT_SERVING },
      },
    });
  });

  it('sends each change to Watch, once, and a part that appears later', async () => {
    const health = createHealth(['proxy']);
    await using client = await serve(health);
    const known = client.watch({ service: 'proxy' })[Symbol.asyncIterator]();
    const late = client.watch({ service: 'late' })[Symbol.asyncIterator]();
    expect((await known.next()).value).toEqual({ status: Status.NOT_SERVING });
    expect((await late.next()).value).toEqual({ status: Status.SERVICE_UNKNOWN });
    health.set('proxy', 'not_serving', 'another reason');
    health.set('proxy', 'serving');
    health.set('late', 'serving');
    expect((await known.next()).value).toEqual({ status: Status.SERVING });
    expect((await late.next()).value).toEqual({ status: Status.SERVING });
    health.shutDown('draining');
    expect((await known.next()).value).toEqual({ status: Status.NOT_SERVING });
    await known.return?.();
    await late.return?.();
  });
});
