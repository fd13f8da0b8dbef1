import { createServer, type Socket } from 'node:net';
import { STREAM_BYTES } from '../backends.ts';
import { helloBytes } from '../hello.ts';
import { streamBlock } from './stream-block.ts';

/** `stream-backend.ts PORT`: after each whole ClientHello, STREAM_BYTES as fast as they are taken, then the end. */
const block = streamBlock();

function serve(socket: Socket): void {
  let received = Buffer.alloc(0);
  // A client that leaves early is the client's to count.
  socket.on('error', () => socket.destroy());
  socket.on('data', function readHello(chunk: Buffer) {
    received = Buffer.concat([received, chunk]);
    if (received.length < helloBytes(received)) return;
    socket.off('data', readHello);
    socket.resume();
    send(socket, STREAM_BYTES);
  });
}

/** One block is under way at a time: the kernel's buffer keeps the connection busy, nothing piles up here. */
function send(socket: Socket, leftBytes: number): void {
  if (socket.destroyed) return;
  if (leftBytes === 0) {
    socket.end();
    return;
  }
  const piece = leftBytes < block.length ? block.subarray(0, leftBytes) : block;
  socket.write(piece, () => send(socket, leftBytes - piece.length));
}

createServer({ noDelay: true }, serve).listen(Number(process.argv[2]), '127.0.0.1');
