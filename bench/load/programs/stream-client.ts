import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { STREAM_BYTES } from '../backends.ts';

/**
 * `stream-client.ts PORT HELLO_FILE CONNECTIONS SECONDS`: so many connections at once, each sends the hello and reads to the end;
 * until the time is over a new one follows. What has begun is read to its end, so that every stream is a whole one. Prints
 * {"streams", "bytes", "errors"}; `bytes` are those of whole streams.
 */
const [port = '', helloFile = '', connections = '', seconds = ''] = process.argv.slice(2);
const hello = readFileSync(helloFile);
const deadline = performance.now() + Number(seconds) * 1000;
const report = { streams: 0, bytes: 0, errors: [] as string[] };

await Promise.all(Array.from({ length: Number(connections) }, readUntilDeadline));
process.stdout.write(`${JSON.stringify(report)}\n`);

async function readUntilDeadline(): Promise<void> {
  const buffer = Buffer.allocUnsafe(256 * 1024);
  do {
    const { bytes, error } = await readStream(buffer);
    if (error === null && bytes === STREAM_BYTES) {
      report.streams += 1;
      report.bytes += bytes;
    } else {
      report.errors.push(error ?? `ended after ${bytes} bytes of ${STREAM_BYTES}`);
    }
  } while (performance.now() < deadline && report.errors.length === 0);
}

/** Reads into the buffer over and over; what comes is counted, not looked at. */
function readStream(buffer: Buffer): Promise<{ bytes: number; error: string | null }> {
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
    socket.once('close', () => resolve({ bytes, error }));
    socket.write(hello);
  });
}
