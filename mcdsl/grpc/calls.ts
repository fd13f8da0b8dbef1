import { Metadata } from '@grpc/grpc-js';
import type { Client, ClientReadableStream, ServiceError } from '@grpc/grpc-js';

import type { SystemError } from '../errors/index.ts';
import { callErrors } from './call.ts';
import type { CallOptions, MethodDefinition, ServiceClient, ServiceDefinition } from './types.ts';
import { fromServiceError } from './wire-error.ts';

export type CallsOptions = {
  readonly channel: Client;
  /** The time limit of a unary call that sets none; null: 30 s. */
  readonly timeoutMs: number | null;
  /** Sent as `authorization: Bearer …` with every call; null: none. */
  readonly bearer: () => string | null;
  /** What is the matter when the library only says that the connection was lost; null when that is all that is known. */
  readonly explainLost: (error: ServiceError) => Promise<SystemError | null>;
};

/** Makes clients of services. */
export type MakeClient = <S extends ServiceDefinition>(service: S) => ServiceClient<S>;

const defaultTimeoutMs = 30_000;

/** The calls of a channel as functions. */
export function clientsOver(options: CallsOptions): MakeClient {
  const { channel, bearer, explainLost } = options;
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const metadata = (): Metadata => {
    const made = new Metadata();
    const token = bearer();
    if (token !== null) made.set('authorization', `Bearer ${token}`);
    return made;
  };
  const failure = async (error: ServiceError, signal: AbortSignal | undefined): Promise<SystemError> => {
    if (signal?.aborted === true) {
      return callErrors.error('cancelled', 'the call was cancelled here', {}, { cause: signal.reason });
    }
    const known = fromServiceError(error);
    // The library's "connection dropped" says less than what is the matter with the socket now.
    const lost = known.system === 'grpc' && known.code === 'unavailable' ? await explainLost(error) : null;
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
            metadata(),
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
        metadata(),
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

  return <S extends ServiceDefinition>(service: S): ServiceClient<S> => {
    const calls = Object.entries(service).map(([name, method]) => {
      if (method.requestStream) throw new Error(`gRPC ${method.path} streams its request, which is not supported`);
      return [name, method.responseStream ? stream(method) : unary(method)] as const;
    });
    // Each function is made from the method that S names, so the mapped type holds; the compiler cannot see it.
    return Object.fromEntries(calls) as unknown as ServiceClient<S>;
  };
}

function encoderOf(method: MethodDefinition): (value: unknown) => Buffer {
  return method.requestSerialize as (value: unknown) => Buffer;
}
