import type { Socket } from 'node:net';

/** One chunk of a body in chunked coding (RFC 9112 §7.1), in one write. False: the socket has to drain before more is read. */
export function writeChunk(socket: Socket, chunk: Buffer): boolean {
  socket.cork();
  socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
  socket.write(chunk);
  const isTaken = socket.write('\r\n', 'latin1');
  socket.uncork();
  return isTaken;
}
