import { createServer, type Socket } from 'node:net';
import { STREAM_BYTES } from '../backends.ts';
import { helloBytes } from '../hello.ts';
import { createTally, streamBlock } from './stream-block.ts';

/**
 * `stream-backend.ts PORT down|up`: after each whole ClientHello, `down` sends STREAM_BYTES as fast as they are taken, then the
 * end; `up` reads to the end and answers a tally of what came after the hello.
 */
const [port = '', direction = ''] = process.argv.slice(2);
const block = streamBlock();

function serve(socket: Socket): void {
  let received = Buffer.alloc(0);
  // A client that leaves early is the client's to count.
  socket.on('error', () => socket.destroy());
  socket.on('data', function readHello(chunk: Buffer) {
    received = Buffer.concat([received, chunk]);
    if (received.length < helloBytes(received)) return;
    socket.off('data', readHello);
    if (direction === 'up') {
      answerTally(socket, received.subarray(helloBytes(received)));
    } else {
      socket.resume();
      send(socket, STREAM_BYTES);
    }
  });
}

function answerTally(socket: Socket, first: Buffer): void {
  const tally = createTally();
  tally.add(first);
  socket.on('data', (chunk: Buffer) => tally.add(chunk));
  socket.on('end', () => socket.end(tally.text()));
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

createServer({ noDelay: true, allowHalfOpen: true }, serve).listen(Number(port), '127.0.0.1');
