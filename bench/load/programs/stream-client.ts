import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { STREAM_BYTES } from '../backends.ts';
import { blocksTally, streamBlock } from './stream-block.ts';

/**
 * `stream-client.ts PORT HELLO_FILE CONNECTIONS SECONDS down|up`: so many connections at once, each sends the hello and reads to the
 * end, or sends a stream and reads the tally of it; until the time is over a new one follows. What has begun is done to its end, so
 * that every stream is a whole one. Prints {"streams", "bytes", "errors"}; `bytes` are those of whole streams.
 */
const [port = '', helloFile = '', connections = '', seconds = '', direction = ''] = process.argv.slice(2);
const hello = readFileSync(helloFile);
const block = streamBlock();
const tally = direction === 'up' ? blocksTally(STREAM_BYTES) : '';
const deadline = performance.now() + Number(seconds) * 1000;
const report = { streams: 0, bytes: 0, errors: [] as string[] };

await Promise.all(Array.from({ length: Number(connections) }, untilDeadline));
process.stdout.write(`${JSON.stringify(report)}\n`);

async function untilDeadline(): Promise<void> {
  const buffer = Buffer.allocUnsafe(256 * 1024);
  do {
    const error = await oneStream(buffer);
    if (error === null) {
      report.streams += 1;
      report.bytes += STREAM_BYTES;
    } else {
      report.errors.push(error);
    }
  } while (performance.now() < deadline && report.errors.length === 0);
}

/** Reads into the buffer over and over; what comes is counted, not looked at. Resolves with what is wrong, or null. */
function oneStream(buffer: Buffer): Promise<string | null> {
  return new Promise((resolve) => {
    let bytes = 0;
    let error: string | null = null;
    const callback = (read: number): boolean => {
      bytes += read;
      return true;
    };
    const socket = connect({ host: '127.0.0.1', port: Number(port), onread: { buffer, callback } });
    socket.once('error', ({ message }) => {
      error = message;
    });
    socket.once('close', () => resolve(error ?? problemOf(bytes, buffer)));
    socket.write(hello);
    if (direction === 'up') send(socket, STREAM_BYTES);
  });
}

function problemOf(bytes: number, buffer: Buffer): string | null {
  if (direction !== 'up') return bytes === STREAM_BYTES ? null : `ended after ${bytes} bytes of ${STREAM_BYTES}`;
  const answer = buffer.toString('latin1', 0, bytes);
  return answer === tally ? null : `the backend got ${answer || 'nothing'} instead of ${tally}`;
}

/** One block is under way at a time. */
function send(socket: Socket, leftBytes: number): void {
  if (socket.destroyed) return;
  if (leftBytes === 0) {
    socket.end();
    return;
  }
  socket.write(block, () => send(socket, leftBytes - block.length));
}
