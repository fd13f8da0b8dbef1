import { Worker } from 'node:worker_threads';

import type { Logger } from '../logging/index.ts';

const source = `
const { workerData } = require('node:worker_threads');
setTimeout(() => process.kill(process.pid, 'SIGKILL'), workerData);
`;

/**
 * Ends the process after `delayMs` even when its main thread hangs (a blocking call, a loop without end), by a thread of
 * its own. Process 1 of a container cannot kill itself; there the container's runtime does.
 */
export function startLastResort(delayMs: number, logger: Logger): void {
  const worker = new Worker(source, { eval: true, workerData: delayMs, env: {}, execArgv: [], stdout: true });
  worker.on('error', (err) => logger.warn('no thread to end the process if its shutdown hangs', { err }));
  worker.unref();
}
