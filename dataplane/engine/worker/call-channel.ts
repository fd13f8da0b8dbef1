import type { MessagePort, Worker } from 'node:worker_threads';
import type { FromWorker, ToWorker, WorkerCall, WorkerCalls } from './messages.ts';

export type CallAnswer<Call extends WorkerCall> = WorkerCalls[Call]['answer'];

/** A worker refused a call; `code` is the errno name where there is one (`EADDRINUSE`). */
export class WorkerCallError extends Error {
  readonly code: string;
  constructor(message: string, code: string) {
    super(message);
    this.name = 'WorkerCallError';
    this.code = code;
  }
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/** The main thread's end: numbered requests, answered in any order. When the worker ends, what still waits is rejected. */
export class CallChannel {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #seq = 0;
  #ended = false;

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  call<Call extends WorkerCall>(kind: Call, request: WorkerCalls[Call]['request']): Promise<CallAnswer<Call>> {
    if (this.#ended) return Promise.reject(new WorkerCallError('the worker has ended', 'WORKER_ENDED'));
    const seq = ++this.#seq;
    return new Promise((resolve, reject) => {
      this.#waiting.set(seq, { resolve: (answer) => resolve(answer as CallAnswer<Call>), reject });
      this.#worker.postMessage({ kind, seq, request } as ToWorker);
    });
  }

  settle(message: Extract<FromWorker, { kind: 'answer' | 'failure' }>): void {
    const waiting = this.#waiting.get(message.seq);
    this.#waiting.delete(message.seq);
    if (message.kind === 'answer') waiting?.resolve(message.answer);
    else waiting?.reject(new WorkerCallError(message.message, message.code));
  }

  end(): void {
    this.#ended = true;
    for (const waiting of this.#waiting.values()) {
      waiting.reject(new WorkerCallError('the worker ended before it answered', 'WORKER_ENDED'));
    }
    this.#waiting.clear();
  }
}

export type CallHandlers = {
  readonly [Call in WorkerCall]: (
    request: WorkerCalls[Call]['request'],
  ) => CallAnswer<Call> | Promise<CallAnswer<Call>>;
};

/** The worker's end. Calls are handled in the order they came as far as they answer at once. */
export function answerCalls(port: MessagePort, handlers: CallHandlers): void {
  const handle = async (message: ToWorker): Promise<void> => {
    try {
      const handler = handlers[message.kind] as (request: unknown) => unknown;
      const answer = await handler(message.request);
      port.postMessage({ kind: 'answer', seq: message.seq, answer } satisfies FromWorker);
    } catch (error) {
      const { message: text, code } = error as NodeJS.ErrnoException;
      port.postMessage({
        kind: 'failure',
        seq: message.seq,
        message: text,
        code: code ?? 'INTERNAL',
      } satisfies FromWorker);
    }
  };
  port.on('message', (message: ToWorker) => void handle(message));
}
