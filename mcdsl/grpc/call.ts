import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { EventEmitter } from 'node:events';
import { isIP } from 'node:net';

import type { Metadata, ServerWritableStream } from '@grpc/grpc-js';

import { defineErrors } from '../errors/index.ts';
import { canonicalAddress } from '../http/client-address.ts';
import type { ServedMethod } from './service.ts';
import type { CallContext } from './types.ts';

export const callErrors = defineErrors('grpc', {});

type AnyCall = EventEmitter & { readonly cancelled: boolean; readonly metadata: Metadata; getPeer(): string };

/** The life of one call as a signal: ends with the caller, the time limit, or the server. */
export type CallScope = Disposable & { readonly context: CallContext; abort(reason: Error): void };

/** @param timeoutMs how long the call may take at most, whatever its caller allows; null: as long as the caller */
export function openCall(call: AnyCall, path: string, timeoutMs: number | null): CallScope {
  const controller = new AbortController();
  const abort = (reason: Error): void => controller.abort(reason);
  const onCancelled = (): void => abort(callErrors.error('cancelled', 'the caller cancelled the call'));
  call.once('cancelled', onCancelled);
  if (call.cancelled) onCancelled();
  const timer =
    timeoutMs === null
      ? null
      : setTimeout(() => abort(callErrors.error('deadline_exceeded', `no answer within ${timeoutMs} ms`)), timeoutMs);
  return {
    context: {
      path,
      peerAddress: addressOf(call.getPeer()),
      requestId: randomUUID(),
      signal: controller.signal,
      header: (name) => headerOf(call.metadata, name),
    },
    abort,
    [Symbol.dispose]() {
      call.off('cancelled', onCancelled);
      if (timer !== null) clearTimeout(timer);
    },
  };
}

/** authorize → decode → handle → encode. The answer is given up, not awaited, once the scope's signal aborts. */
export async function answerUnary(method: ServedMethod, bytes: Buffer, context: CallContext, maxBytes: number) {
  const request = await admit(method, bytes, context);
  const answer = await orAborted(Promise.resolve(method.handler.answer(request, context)), context.signal);
  return encode(method, answer, maxBytes);
}

/**
 * authorize → decode → handle → encode and write each message. Asks for a message only when the one before it has left,
 * so a slow reader holds at most the stream's own 16 messages.
 */
export async function answerStream(
  method: ServedMethod,
  call: ServerWritableStream<Buffer, Buffer>,
  context: CallContext,
  maxBytes: number,
): Promise<void> {
  const { handler } = method;
  if (handler.kind !== 'stream') throw new Error(`${method.path} is no stream`);
  const request = await admit(method, call.request, context);
  const messages = handler.answer(request, context)[Symbol.asyncIterator]();
  let finished = false;
  try {
    for (;;) {
      const next = await orAborted(messages.next(), context.signal);
      finished = next.done === true;
      if (finished) return;
      if (!call.write(encode(method, next.value, maxBytes))) await once(call, 'drain', { signal: context.signal });
    }
  } catch (error) {
    throw context.signal.aborted ? context.signal.reason : error;
  } finally {
    // Not awaited: a generator that ignores its signal would hold the call for as long as it sleeps.
    if (!finished) void Promise.resolve(messages.return?.()).catch(() => undefined);
  }
}

async function admit(method: ServedMethod, bytes: Buffer, context: CallContext): Promise<unknown> {
  const { rule } = method;
  if (typeof rule !== 'string') await orAborted(Promise.resolve(rule.authorize(context)), context.signal);
  context.signal.throwIfAborted();
  try {
    return method.decode(bytes);
  } catch (cause) {
    throw callErrors.error('invalid_argument', `the request of ${method.path} cannot be decoded`, {}, { cause });
  }
}

function encode(method: ServedMethod, message: unknown, maxBytes: number): Buffer {
  const bytes = method.encode(message);
  if (bytes.length <= maxBytes) return bytes;
  throw callErrors.error(
    'too_large',
    `the answer of ${method.path} has ${bytes.length} bytes, more than ${maxBytes}: ask for less of it`,
    { size_bytes: bytes.length, max_bytes: maxBytes },
  );
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function headerOf(metadata: Metadata, name: string): string | null {
  const [value] = metadata.get(name);
  return typeof value === 'string' ? value : null;
}

/** The library says `address:port`, without brackets, or a word where there is no address. */
function addressOf(peer: string): string {
  const address = canonicalAddress(peer.slice(0, Math.max(0, peer.lastIndexOf(':'))));
  return isIP(address) === 0 ? '' : address;
}
