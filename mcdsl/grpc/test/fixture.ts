import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Logger, LogFields, LogLevel } from '../../logging/index.ts';
import { createGrpcServer, defineService } from '../index.ts';
import type { AuthorizationMap, GrpcLimits, GrpcServer, Handlers } from '../index.ts';

export type Request = { text: string; count: number };
export type Reply = { text: string };

function json<T>(): { pack: (value: T) => Buffer; unpack: (bytes: Buffer) => T } {
  return {
    pack: (value) => Buffer.from(JSON.stringify(value)),
    unpack: (bytes) => JSON.parse(bytes.toString('utf8')) as T,
  };
}

function method<const Path extends string, const Stream extends boolean>(path: Path, responseStream: Stream) {
  const request = json<Request>();
  const reply = json<Reply>();
  return {
    path,
    requestStream: false as const,
    responseStream,
    requestSerialize: request.pack,
    requestDeserialize: request.unpack,
    responseSerialize: reply.pack,
    responseDeserialize: reply.unpack,
  };
}

/** A contract of the tests' own, its messages in JSON so that malformed ones are easily made. */
export const DemoService = {
  say: method('/test.Demo/Say', false),
  count: method('/test.Demo/Count', true),
};

export const socketRules: AuthorizationMap<typeof DemoService> = { say: 'socket', count: 'socket' };

export type LogLine = { level: LogLevel; msg: string; fields: LogFields };

export function recordingLogger(lines: LogLine[] = []): Logger & { lines: LogLine[] } {
  const at =
    (level: LogLevel) =>
    (msg: string, fields: LogFields = {}): void => {
      lines.push({ level, msg, fields });
    };
  const logger: Logger & { lines: LogLine[] } = {
    lines,
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    log: (level, msg, fields) => at(level)(msg, fields),
    enabled: () => true,
    child: () => logger,
  };
  return logger;
}

export type DemoServer = AsyncDisposable & {
  path: string;
  server: GrpcServer;
  logger: ReturnType<typeof recordingLogger>;
};

export async function startDemo(
  handlers: Handlers<typeof DemoService>,
  options: { limits?: Partial<GrpcLimits>; authorization?: AuthorizationMap<typeof DemoService> } = {},
): Promise<DemoServer> {
  const folder = await mkdtemp(join(tmpdir(), 'mc-grpc-'));
  const path = join(folder, 'demo.sock');
  const logger = recordingLogger();
  const service = defineService(DemoService, { handlers, authorization: options.authorization ?? socketRules });
  const server = createGrpcServer({ transport: 'unix', services: [service], logger, limits: options.limits ?? {} });
  const listener = createServer((socket) => server.accept(socket));
  listener.listen(path);
  await once(listener, 'listening');
  return {
    path,
    server,
    logger,
    async [Symbol.asyncDispose]() {
      listener.close();
      await server.close(100);
      await rm(folder, { recursive: true });
    },
  };
}

export const echo: Handlers<typeof DemoService> = {
  say: (request) => ({ text: request.text }),
  async *count(request) {
    for (let i = 1; i <= request.count; i++) yield { text: String(i) };
  },
};
