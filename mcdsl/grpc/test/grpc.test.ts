import { once } from 'node:events';
import { connect } from 'node:net';

import { Client, credentials } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';

import { defineErrors } from '../../errors/index.ts';
import { connectUnix, createGrpcServer, defineService } from '../index.ts';
import { DemoService, echo, recordingLogger, socketRules, startDemo } from './fixture.ts';
import type { DemoServer } from './fixture.ts';

const never = new Promise<never>(() => undefined);
const errors = defineErrors('demo', { route_invalid: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false } });

async function demoClient(demo: DemoServer) {
  const connection = await connectUnix(demo.path);
  return { ...connection.client(DemoService), [Symbol.dispose]: () => connection[Symbol.dispose]() };
}

describe('calls', () => {
  it('answers unary calls and streams', async () => {
    await using demo = await startDemo(echo);
    using client = await demoClient(demo);
    await expect(client.say({ text: 'grüezi', count: 0 })).resolves.toEqual({ text: 'grüezi' });
    await expect(Array.fromAsync(client.count({ text: '', count: 40 }))).resolves.toHaveLength(40);
  });

  it('carries a table error whole: status, code, details', async () => {
    await using demo = await startDemo({
      ...echo,
      say: () => {
        throw errors.error('route_invalid', 'backend „x“ has no port', { listener: ':443' });
      },
      // oxlint-disable-next-line require-yield
      async *count() {
        throw errors.error('not_found', 'no such route');
      },
    });
    using client = await demoClient(demo);
    const expected = { system: 'demo', code: 'route_invalid', grpc: 'INVALID_ARGUMENT', http: 400 };
    await expect(client.say({ text: '', count: 0 })).rejects.toMatchObject({
      ...expected,
      message: 'backend „x“ has no port',
      details: { listener: ':443' },
    });
    await expect(Array.fromAsync(client.count({ text: '', count: 1 }))).rejects.toMatchObject({ code: 'not_found' });
  });

  it('tells the log, not the caller, of an unexpected error', async () => {
    await using demo = await startDemo({
      ...echo,
      say: () => Promise.reject(new Error('planted-secret /etc/shadow')),
    });
    using client = await demoClient(demo);
    const error = await client.say({ text: '', count: 0 }).catch((e: unknown) => e as Error & { details: object });
    expect(error).toMatchObject({ code: 'internal', grpc: 'INTERNAL' });
    expect(JSON.stringify([(error as Error).message, error])).not.toContain('planted');
    const line = demo.logger.lines.find((l) => l.level === 'error');
    expect(String((line!.fields['err'] as Error).message)).toContain('planted-secret');
    expect(line!.fields['error_id']).toMatch(/^[0-9a-f]{16}$/);
    expect((error as Error).message).toContain(String(line!.fields['error_id']));
  });

  it('cuts an error that would not fit in trailers, and the connection lives', async () => {
    await using demo = await startDemo({
      ...echo,
      say: (request) => {
        if (request.count === 1) return { text: 'alive' };
        throw errors.error('route_invalid', 'ü'.repeat(200_000), { big: 'x'.repeat(200_000) });
      },
    });
    using client = await demoClient(demo);
    await expect(client.say({ text: '', count: 0 })).rejects.toMatchObject({
      code: 'route_invalid',
      details: { details_dropped_bytes: expect.any(Number) },
    });
    await expect(client.say({ text: '', count: 1 })).resolves.toEqual({ text: 'alive' });
  });

  it('answers UNIMPLEMENTED for an RPC that is not there', async () => {
    await using demo = await startDemo(echo);
    using connection = await connectUnix(demo.path);
    const other = connection.client({ say: { ...DemoService.say, path: '/test.Demo/Nothing' } });
    await expect(other.say({ text: '', count: 0 })).rejects.toMatchObject({ grpc: 'UNIMPLEMENTED' });
  });
});

describe('limits', () => {
  it('refuses an oversized request and lives', async () => {
    await using demo = await startDemo(echo, { limits: { maxRequestBytes: 1000 } });
    using client = await demoClient(demo);
    await expect(client.say({ text: 'x'.repeat(5000), count: 0 })).rejects.toMatchObject({
      grpc: 'RESOURCE_EXHAUSTED',
    });
    await expect(client.say({ text: 'ok', count: 0 })).resolves.toEqual({ text: 'ok' });
  });

  it('refuses to send an oversized answer and says its size', async () => {
    await using demo = await startDemo(echo, { limits: { maxResponseBytes: 1000 } });
    using client = await demoClient(demo);
    await expect(client.say({ text: 'x'.repeat(5000), count: 0 })).rejects.toMatchObject({
      code: 'too_large',
      details: { max_bytes: 1000 },
    });
  });

  it('answers a request that cannot be decoded with INVALID_ARGUMENT', async () => {
    await using demo = await startDemo(echo);
    using connection = await connectUnix(demo.path);
    const bad = connection.client({ say: { ...DemoService.say, requestSerialize: () => Buffer.from('{"') } });
    await expect(bad.say({ text: '', count: 0 })).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('bounds the calls at work, streams apart from unary calls', async () => {
    const release = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    await using demo = await startDemo(
      {
        async *count(_request, { signal }) {
          yield { text: 'first' };
          await once(signal, 'abort');
        },
        say: async (request) => {
          if (request.text !== 'wait') return { text: 'quick' };
          started.resolve();
          await release.promise;
          return { text: 'done' };
        },
      },
      { limits: { maxUnaryCalls: 1, maxStreams: 1 } },
    );
    using client = await demoClient(demo);
    const stream = client.count({ text: '', count: 1 })[Symbol.asyncIterator]();
    await stream.next();
    await expect(client.count({ text: '', count: 1 })[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'resource_exhausted',
      retry: true,
    });
    const waiting = client.say({ text: 'wait', count: 0 });
    await started.promise;
    await expect(client.say({ text: '', count: 0 })).rejects.toMatchObject({ code: 'resource_exhausted' });
    release.resolve();
    await expect(waiting).resolves.toEqual({ text: 'done' });
    await expect(client.say({ text: '', count: 0 })).resolves.toEqual({ text: 'quick' });
  });

  it('ends a call that its handler never answers, by our limit or by the caller’s', async () => {
    await using demo = await startDemo({ ...echo, say: () => never }, { limits: { unaryTimeoutMs: 50 } });
    using client = await demoClient(demo);
    const ours = client.say({ text: '', count: 0 });
    await expect(ours).rejects.toMatchObject({ system: 'grpc', code: 'deadline_exceeded' });
    const callers = client.say({ text: '', count: 0 }, { timeoutMs: 10 });
    await expect(callers).rejects.toMatchObject({ grpc: 'DEADLINE_EXCEEDED' });
  });

  it('holds back a stream whose reader is slow', async () => {
    let made = 0;
    await using demo = await startDemo({
      ...echo,
      async *count() {
        for (;;) {
          made++;
          yield { text: 'x'.repeat(100_000) };
        }
      },
    });
    using client = await demoClient(demo);
    let seen = 0;
    for await (const reply of client.count({ text: '', count: 0 })) {
      expect(reply.text).toHaveLength(100_000);
      if (++seen === 100) break;
    }
    expect(made).toBeLessThan(seen + 100);
  });
});

describe('cancellation', () => {
  it('tells the handler that the caller left the loop', async () => {
    const cancelled = Promise.withResolvers<unknown>();
    const closed = Promise.withResolvers<void>();
    await using demo = await startDemo({
      ...echo,
      async *count(_request, { signal }) {
        signal.addEventListener('abort', () => cancelled.resolve(signal.reason));
        try {
          for (let i = 0; ; i++) yield { text: String(i) };
        } finally {
          closed.resolve();
        }
      },
    });
    using client = await demoClient(demo);
    for await (const reply of client.count({ text: '', count: 0 })) if (reply.text === '3') break;
    await expect(cancelled.promise).resolves.toMatchObject({ code: 'cancelled' });
    await closed.promise;
    expect(demo.server.activeCalls()).toBe(0);
  });

  it('ends calls by the caller’s signal', async () => {
    await using demo = await startDemo({
      say: () => never,
      async *count() {
        yield { text: 'one' };
        await never;
      },
    });
    using client = await demoClient(demo);
    const controller = new AbortController();
    const unary = client.say({ text: '', count: 0 }, { signal: controller.signal });
    const stream = Array.fromAsync(client.count({ text: '', count: 0 }, { signal: controller.signal }));
    controller.abort(new Error('enough'));
    await expect(unary).rejects.toMatchObject({ code: 'cancelled', cause: { message: 'enough' } });
    await expect(stream).rejects.toMatchObject({ code: 'cancelled' });
    const late = client.say({ text: '', count: 0 }, { signal: controller.signal });
    await expect(late).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('authorization', () => {
  it('is an error at start when an RPC is missing from the map, or the map names another', () => {
    const { say: _say, ...partial } = socketRules;
    const parts = { handlers: echo, authorization: partial } as unknown as Parameters<
      typeof defineService<typeof DemoService>
    >[1];
    expect(() => defineService(DemoService, parts)).toThrow('/test.Demo/Say is missing from the authorization map');
    const extra = { handlers: echo, authorization: { ...socketRules, nothing: 'public' as const } };
    expect(() => defineService(DemoService, extra)).toThrow('nothing belongs to no RPC');
    const { count: _count, ...half } = echo;
    const noHandler = { ...parts, handlers: half, authorization: socketRules } as unknown as typeof parts;
    expect(() => defineService(DemoService, noHandler)).toThrow('/test.Demo/Count has no handler');
  });

  it('refuses the rule of the socket on a network listener, and an RPC served twice', () => {
    const service = defineService(DemoService, { handlers: echo, authorization: socketRules });
    const logger = recordingLogger();
    expect(() => createGrpcServer({ transport: 'network', services: [service], logger })).toThrow('file permissions');
    expect(() => createGrpcServer({ transport: 'unix', services: [service, service], logger })).toThrow('twice');
  });

  it('asks the rule before the request is even decoded', async () => {
    const rule = {
      rule: 'token',
      authorize: ({ header }: { header(name: string): string | null }) => {
        if (header('authorization') !== 'Bearer good') throw errors.error('unauthenticated', 'log in first');
      },
    };
    await using demo = await startDemo(echo, { authorization: { say: rule, count: 'public' } });
    using connection = await connectUnix(demo.path);
    const bad = connection.client({ say: { ...DemoService.say, requestSerialize: () => Buffer.from('{"') } });
    await expect(bad.say({ text: '', count: 0 })).rejects.toMatchObject({ code: 'unauthenticated' });
    using client = await demoClient(demo);
    await expect(Array.fromAsync(client.count({ text: '', count: 1 }))).resolves.toHaveLength(1);
  });
});

describe('shutdown', () => {
  it('lets unary calls finish, ends streams, refuses new calls', async () => {
    const release = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    await using demo = await startDemo({
      async say() {
        started.resolve();
        await release.promise;
        return { text: 'finished' };
      },
      async *count() {
        yield { text: 'one' };
        await never;
      },
    });
    using client = await demoClient(demo);
    const stream = client.count({ text: '', count: 0 })[Symbol.asyncIterator]();
    await stream.next();
    const waiting = client.say({ text: '', count: 0 });
    await started.promise;
    const closed = demo.server.close(20_000);
    await expect(stream.next()).rejects.toMatchObject({ code: 'draining' });
    release.resolve();
    await expect(waiting).resolves.toEqual({ text: 'finished' });
    await closed;
    expect(demo.server.activeCalls()).toBe(0);
  });

  it('cuts off what does not finish in time', async () => {
    const started = Promise.withResolvers<void>();
    await using demo = await startDemo({
      ...echo,
      say: () => {
        started.resolve();
        return never;
      },
    });
    using client = await demoClient(demo);
    const waiting = client.say({ text: '', count: 0 }).catch((error: unknown) => error);
    await started.promise;
    await demo.server.close(20);
    await expect(waiting).resolves.toMatchObject({ grpc: expect.stringMatching(/UNAVAILABLE|CANCELLED/) });
  });
});

describe('strangers', () => {
  it('survives bytes that are no HTTP/2 and calls that are no gRPC', async () => {
    await using demo = await startDemo(echo);
    const socket = connect(demo.path);
    socket.on('error', () => undefined);
    socket.end('GET / HTTP/1.1\r\n\r\n\u0000\u0001');
    socket.resume();
    await once(socket, 'close');
    const raw = new Client(`unix:${demo.path}`, credentials.createInsecure());
    const half = raw.makeBidiStreamRequest(
      '/test.Demo/Say',
      (b: Buffer) => b,
      (b: Buffer) => b,
    );
    const ended = new Promise((resolve) => half.on('error', resolve));
    half.resume();
    half.end();
    await expect(ended).resolves.toMatchObject({ code: 12 });
    raw.close();
    using client = await demoClient(demo);
    await expect(client.say({ text: 'alive', count: 0 })).resolves.toEqual({ text: 'alive' });
  });
});
