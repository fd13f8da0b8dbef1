import type { Socket } from 'node:net';

import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { sendUnaryData, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';

import { messageOf } from '../errors/index.ts';
import type { Logger } from '../logging/index.ts';
import { answerStream, answerUnary, callErrors, openCall } from './call.ts';
import type { CallScope } from './call.ts';
import type { ServedMethod, ServedService } from './service.ts';
import { toGrpcStatus } from './wire-error.ts';

export type GrpcLimits = {
  /** A larger request is answered RESOURCE_EXHAUSTED. */
  readonly maxRequestBytes: number;
  readonly maxResponseBytes: number;
  /** Unary calls at work at once, over all connections; more are answered RESOURCE_EXHAUSTED. */
  readonly maxUnaryCalls: number;
  /** Streams open at once, counted apart so that watchers cannot lock out commands. */
  readonly maxStreams: number;
  /** How long a unary call may take, whatever deadline its caller set. */
  readonly unaryTimeoutMs: number;
};

export const defaultGrpcLimits: GrpcLimits = {
  maxRequestBytes: 4 * 1024 * 1024,
  maxResponseBytes: 16 * 1024 * 1024,
  maxUnaryCalls: 128,
  maxStreams: 128,
  unaryTimeoutMs: 60_000,
};

export type GrpcServerOptions = {
  /** What connections come from; decides which authorization rules can hold. */
  readonly transport: 'unix' | 'network';
  readonly services: readonly ServedService[];
  readonly logger: Logger;
  readonly limits?: Partial<GrpcLimits>;
  /** Told of each call that is refused or fails, before it is answered. */
  readonly onRefusal?: (error: unknown, path: string) => void;
};

export type GrpcServer = AsyncDisposable & {
  readonly serviceNames: readonly string[];
  /** Serves a connection that a listener of the caller accepted. The server owns it from here. */
  accept(socket: Socket): void;
  /** Unary calls and streams under way. */
  activeCalls(): number;
  /** Refuses new calls, ends streams, lets unary calls finish for `graceMs`, then closes every connection. */
  close(graceMs: number): Promise<void>;
};

/** @throws Error when two services share an RPC, or a rule cannot hold on the transport */
export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  const { logger } = options;
  const limits = { ...defaultGrpcLimits, ...options.limits };
  const server = new Server({
    'grpc.max_receive_message_length': limits.maxRequestBytes,
    'grpc.max_send_message_length': limits.maxResponseBytes,
    // Above our own bounds, so that a call too many is answered instead of waiting unseen in its client.
    'grpc.max_concurrent_streams': limits.maxUnaryCalls + limits.maxStreams + 64,
    'grpc.enable_channelz': 0,
  });
  const sockets = new Set<Socket>();
  const active = { unary: new Set<CallScope>(), stream: new Set<CallScope>() };
  let closing: Promise<void> | null = null;

  const enter = (kind: 'unary' | 'stream', scope: CallScope): void => {
    const max = kind === 'unary' ? limits.maxUnaryCalls : limits.maxStreams;
    if (closing !== null) throw callErrors.error('draining', 'the server is shutting down');
    if (active[kind].size >= max) {
      throw callErrors.error('resource_exhausted', `${max} calls are under way already; try again`, { max });
    }
    active[kind].add(scope);
  };
  const statusOf = (path: string, error: unknown) => {
    logger.debug('rpc refused', { rpc: path, reason: messageOf(error) });
    options.onRefusal?.(error, path);
    return toGrpcStatus(error, (err, errorId) => logger.error('rpc failed', { rpc: path, err, error_id: errorId }));
  };

  const serveUnary = async (
    method: ServedMethod,
    call: ServerUnaryCall<Buffer, Buffer>,
    callback: sendUnaryData<Buffer>,
  ): Promise<void> => {
    using scope = openCall(call, method.path, limits.unaryTimeoutMs);
    try {
      enter('unary', scope);
      callback(null, await answerUnary(method, call.request, scope.context, limits.maxResponseBytes));
    } catch (error) {
      callback(statusOf(method.path, error));
    } finally {
      active.unary.delete(scope);
    }
  };
  const serveStream = async (method: ServedMethod, call: ServerWritableStream<Buffer, Buffer>): Promise<void> => {
    using scope = openCall(call, method.path, null);
    try {
      enter('stream', scope);
      await answerStream(method, call, scope.context, limits.maxResponseBytes);
      call.end();
    } catch (error) {
      call.emit('error', statusOf(method.path, error));
    } finally {
      active.stream.delete(scope);
    }
  };

  for (const method of options.services.flatMap((service) => service.methods)) {
    if (method.rule === 'socket' && options.transport !== 'unix') {
      throw new Error(`gRPC ${method.path} is authorized by file permissions, which a network listener does not have`);
    }
    // Bytes pass through the library as they are: decoding inside the call gives a malformed request its own error.
    const fresh =
      method.handler.kind === 'unary'
        ? server.register<Buffer, Buffer>(
            method.path,
            (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) =>
              void serveUnary(method, call, callback),
            asIs,
            asIs,
            'unary',
          )
        : server.register<Buffer, Buffer>(
            method.path,
            (call: ServerWritableStream<Buffer, Buffer>) => void serveStream(method, call),
            asIs,
            asIs,
            'serverStream',
          );
    if (!fresh) throw new Error(`gRPC ${method.path} is served twice`);
  }
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());

  const close = async (graceMs: number): Promise<void> => {
    for (const scope of active.stream) scope.abort(callErrors.error('draining', 'the server is shutting down'));
    // Not events.once: that rejects for a client that vanishes with an error, and a 'close' follows that too.
    const gone = [...sockets].map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())));
    injector.destroy();
    const timer = setTimeout(() => {
      logger.warn('rpc calls cut off at shutdown', { calls: active.unary.size + active.stream.size });
      server.forceShutdown();
      for (const socket of sockets) socket.destroy();
    }, graceMs);
    await Promise.all(gone);
    clearTimeout(timer);
    server.forceShutdown();
  };

  return {
    serviceNames: options.services.map((service) => service.name),
    accept(socket) {
      if (closing !== null) {
        socket.destroy();
        return;
      }
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.on('error', (err) => logger.debug('rpc connection broke', { err }));
      injector.injectConnection(socket);
    },
    activeCalls: () => active.unary.size + active.stream.size,
    close(graceMs) {
      closing ??= close(graceMs);
      return closing;
    },
    async [Symbol.asyncDispose]() {
      closing ??= close(1000);
      await closing;
    },
  };
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
