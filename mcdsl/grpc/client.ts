import { resolve } from 'node:path';

import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type { ClientReadableStream, ServiceError } from '@grpc/grpc-js';

import type { SystemError } from '../errors/index.ts';
import { callErrors } from './call.ts';
import { defaultGrpcLimits } from './server.ts';
import type { CallOptions, MethodDefinition, ServiceClient, ServiceDefinition } from './types.ts';
import { checkSocketPath, explainSocket } from './unix-socket.ts';
import { fromServiceError } from './wire-error.ts';

export type ConnectOptions = {
  /** The time limit of a unary call that sets none. */
  readonly timeoutMs?: number;
  readonly maxResponseBytes?: number;
};

export type UnixConnection = Disposable & {
  readonly socketPath: string;
  client<S extends ServiceDefinition>(service: S): ServiceClient<S>;
};

const defaultTimeoutMs = 30_000;

/**
 * Opens a server's Unix socket.
 * @throws SystemError of `socketErrors` when there is no such socket, it may not be used, or nobody listens; its message
 * tells the operator what to do
 */
export async function connectUnix(path: string, options: ConnectOptions = {}): Promise<UnixConnection> {
  const socketPath = resolve(path);
  checkSocketPath(socketPath);
  const problem = await explainSocket(socketPath);
  if (problem !== null) throw problem;
  const channel = new Client(`unix:${socketPath}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': options.maxResponseBytes ?? defaultGrpcLimits.maxResponseBytes,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    // A connection of its own: closing this one must not touch another's.
    'grpc.use_local_subchannel_pool': 1,
  });
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const failure = async (error: ServiceError, signal: AbortSignal | undefined): Promise<SystemError> => {
    if (signal?.aborted === true) {
      return callErrors.error('cancelled', 'the call was cancelled here', {}, { cause: signal.reason });
    }
    const known = fromServiceError(error);
    // The library's "connection dropped" says less than what is the matter with the socket now.
    const lost = known.system === 'grpc' && known.code === 'unavailable' ? await explainSocket(socketPath) : null;
    return lost ?? known;
  };

  const unary =
    (method: MethodDefinition) =>
    async (request: unknown, call: CallOptions = {}): Promise<unknown> => {
      let cancel = (): void => undefined;
      try {
        return await new Promise((answer, refuse) => {
          const running = channel.makeUnaryRequest(
            method.path,
            encoderOf(method),
            method.responseDeserialize,
            request,
            new Metadata(),
            { deadline: Date.now() + (call.timeoutMs ?? timeoutMs) },
            (error, response) => (error === null ? answer(response) : refuse(error)),
          );
          cancel = () => running.cancel();
          if (call.signal?.aborted === true) cancel();
          else call.signal?.addEventListener('abort', cancel, { once: true });
        });
      } catch (error) {
        throw await failure(error as ServiceError, call.signal);
      } finally {
        call.signal?.removeEventListener('abort', cancel);
      }
    };

  const stream = (method: MethodDefinition) =>
    async function* (request: unknown, call: CallOptions = {}): AsyncGenerator<unknown, void> {
      const deadline = call.timeoutMs === undefined ? Infinity : Date.now() + call.timeoutMs;
      const running: ClientReadableStream<unknown> = channel.makeServerStreamRequest(
        method.path,
        encoderOf(method),
        method.responseDeserialize,
        request,
        new Metadata(),
        { deadline },
      );
      // The loop below hears of every error that matters; this one hears of the cancellation after the loop.
      running.on('error', () => undefined);
      const cancel = (): void => running.cancel();
      if (call.signal?.aborted === true) cancel();
      else call.signal?.addEventListener('abort', cancel, { once: true });
      try {
        yield* running;
      } catch (error) {
        throw await failure(error as ServiceError, call.signal);
      } finally {
        call.signal?.removeEventListener('abort', cancel);
        running.cancel();
      }
    };

  return {
    socketPath,
    client<S extends ServiceDefinition>(service: S): ServiceClient<S> {
      const calls = Object.entries(service).map(([name, method]) => {
        if (method.requestStream) throw new Error(`gRPC ${method.path} streams its request, which is not supported`);
        return [name, method.responseStream ? stream(method) : unary(method)] as const;
      });
      // Each function is made from the method that S names, so the mapped type holds; the compiler cannot see it.
      return Object.fromEntries(calls) as unknown as ServiceClient<S>;
    },
    [Symbol.dispose]() {
      channel.close();
    },
  };
}

function encoderOf(method: MethodDefinition): (value: unknown) => Buffer {
  return method.requestSerialize as (value: unknown) => Buffer;
}
