import { createServer, type Socket } from 'node:net';
import { HELLO_ANSWER } from '../backends.ts';
import { helloBytes } from '../hello.ts';

/** `hold-backend.ts PORT [close]`: answers each whole ClientHello and keeps the connection until the other side ends it, or ends it. */
const [port = '', then = ''] = process.argv.slice(2);

function serve(socket: Socket): void {
  let received = Buffer.alloc(0);
  // A client that leaves early is the client's to count.
  socket.on('error', () => socket.destroy());
  socket.on('data', function readHello(chunk: Buffer) {
    received = Buffer.concat([received, chunk]);
    if (received.length < helloBytes(received)) return;
    socket.off('data', readHello);
    socket.resume();
    if (then === 'close') socket.end(HELLO_ANSWER);
    else socket.write(HELLO_ANSWER);
  });
}

createServer(serve).listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
