import { parentPort } from 'node:worker_threads';
import { createDatagramEngine } from '../index.ts';

/** A thread that answers datagrams until it is terminated from outside; one of `throw` makes its handler throw. */
const socket = await createDatagramEngine().bind({
  host: '127.0.0.1',
  port: 0,
  batch: 4,
  maxBytes: 64,
  handler: {
    received(batch) {
      for (let index = 0; index < batch.count; index++) {
        const text = Buffer.from(batch.input.subarray(batch.start(index), batch.end(index))).toString();
        if (text === 'throw') throw new Error('the handler threw');
        batch.output.set(Buffer.from('ok'), batch.room(index));
        batch.reply(index, 2);
      }
    },
    failed(error) {
      throw error;
    },
  },
});
parentPort?.postMessage(socket.port);
