import { read } from 'node:fs';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { FileShortError, type FileRange, type FileSender } from '../native.ts';

/** The portable twin of the native file sender: each byte is copied into this process and out again. */
export const portableFileSender: FileSender = {
  engine: 'portable',
  async send(socket, range, signal) {
    signal.throwIfAborted();
    const abort = (): void => void socket.destroy();
    signal.addEventListener('abort', abort);
    const chunk = idleChunks.pop() ?? Buffer.allocUnsafeSlow(CHUNK);
    try {
      await copy(socket, range, chunk);
      idleChunks.push(chunk);
      idleChunks.length = Math.min(idleChunks.length, IDLE_CHUNKS);
    } catch (error) {
      // The chunk may still be on its way out: it is not used again.
      socket.destroy();
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  },
};

/** Large enough that the turns of the loop weigh little beside the copy. */
const CHUNK = 256 * 1024;
const IDLE_CHUNKS = 8;
const idleChunks: Buffer[] = [];
const readFile = promisify(read);

async function copy(socket: Socket, range: FileRange, chunk: Buffer): Promise<void> {
  for (let sent = 0; sent < range.length;) {
    const wanted = Math.min(CHUNK, range.length - sent);
    const { bytesRead } = await readFile(range.fd, chunk, 0, wanted, range.start + sent);
    if (bytesRead === 0) throw new FileShortError(range, sent);
    await write(socket, chunk.subarray(0, bytesRead));
    sent += bytesRead;
  }
}

/** Resolves when the system has taken the bytes; rejects when the socket ends first. */
function write(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}
