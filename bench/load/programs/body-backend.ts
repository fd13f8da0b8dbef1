import { createServer, type ServerResponse } from 'node:http';
import { BODY_BYTES } from '../backends.ts';
import { blocksTally, createTally, streamBlock } from './stream-block.ts';

/**
 * `body-backend.ts PORT`: GET is answered by BODY_BYTES, POST by a tally of the body that came, with 400 when it is another than
 * those bytes.
 */
const block = streamBlock();
const expected = blocksTally(BODY_BYTES);

const server = createServer((request, response) => {
  // A client that leaves early is the client's to count.
  request.on('error', () => request.destroy());
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': BODY_BYTES });
    send(response, BODY_BYTES);
    return;
  }
  const tally = createTally();
  request.on('data', (chunk: Buffer) => tally.add(chunk));
  request.on('end', () => {
    const text = tally.text();
    response.writeHead(text === expected ? 200 : 400, { 'content-type': 'text/plain' });
    response.end(text);
  });
});
server.keepAliveTimeout = 300_000;
server.requestTimeout = 0;
server.listen(Number(process.argv[2]), '127.0.0.1');

/** One block is under way at a time. */
function send(response: ServerResponse, leftBytes: number): void {
  if (response.destroyed) return;
  if (leftBytes === 0) {
    response.end();
    return;
  }
  response.write(block, () => send(response, leftBytes - block.length));
}
