import { isMainThread, workerData } from 'node:worker_threads';

// Preloaded into every thread of mc-proxy: at SIGUSR2 the first worker throws what nobody catches, as a bug would.
const channel = new BroadcastChannel('crash');
channel.unref();
if (isMainThread) process.on('SIGUSR2', () => channel.postMessage(null));
else if ((workerData as { index?: number } | null)?.index === 0) {
  channel.addEventListener('message', () => {
    throw new Error('crashed on demand');
  });
}
