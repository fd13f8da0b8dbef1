import { parentPort, workerData } from 'node:worker_threads';
import '../worker-thread.ts';
import type { WorkerBoot } from '../messages.ts';

/** A worker that throws where nobody catches once the test sets its cell: what a defect of ours, or of the runtime, would do. */
const { index } = workerData as WorkerBoot;
parentPort?.on('message', (message: { kind: string; seq: number; request: { sample: number } }) => {
  if (message.kind === 'accessLog' && message.request.sample === index / 10) throw new Error(`worker ${index} crashes`);
});
