import { parentPort, workerData } from 'node:worker_threads';
import { createReactor } from '../../index.ts';

/**
 * A reactor with one listener, as a worker or as a process: tells its port, resets what arrives when the first byte is 'x', throws at
 * 't', keeps the rest waiting. At 'c' it closes its listener.
 */
const reactor = createReactor();
const listener = await reactor.listen<null>({
  endpoint: { kind: 'tcp', host: '127.0.0.1', port: 0 },
  backlog: 16,
  helloTimeoutMs: () => 60_000,
  handler: {
    failed: () => {},
    arrived(batch) {
      for (const arrival of batch) {
        if (arrival.state !== 'open') continue;
        const first = String.fromCharCode(arrival.bytes[0] ?? 0);
        if (arrival.bytes.length === 0) arrival.more(1);
        else if (first === 't') throw new Error('thrown on demand');
        else if (first === 'c') {
          arrival.reset();
          void listener.close();
        } else if (first === 'x') arrival.reset();
        else arrival.more(1000);
      }
    },
  },
});
if (workerData?.swallow) process.on('uncaughtException', ({ message }) => parentPort?.postMessage(message));
if (parentPort) parentPort.postMessage(listener.port);
else process.stdout.write(`${listener.port}\n`);
