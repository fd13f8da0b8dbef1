import type { Socket } from 'node:net';
import type { NativeCore, NativeSendFile } from '../load.ts';
import { FileShortError, type FileRange, type FileSender } from '../native.ts';
import { systemError } from './system-error.ts';

const DONE = 0;
const SHORT = 1;
const WAITING = 2;

/** sendfile(2) on a duplicate of the socket's descriptor, polled by the loop of this thread. */
export function nativeFileSender({ NativeSendFile }: NativeCore): FileSender {
  return {
    engine: 'native',
    async send(socket, range, signal) {
      signal.throwIfAborted();
      if (range.length === 0) return;
      const stop = new AbortController();
      try {
        const code = await new Promise<number>((resolve, reject) => {
          const { fd, start, length } = range;
          const sending = new NativeSendFile(descriptorOf(socket), fd, start, length, ended, { sendfile: 'native' });
          const first = sending.start();
          if (first !== WAITING) return ended(first);
          // The duplicate would keep the connection open: it ends with the socket.
          const cancel = (reason: unknown): void => {
            sending.cancel();
            reject(reason instanceof Error ? reason : new Error(String(reason)));
          };
          const { signal: stopped } = stop;
          signal.addEventListener('abort', () => cancel(signal.reason), { signal: stopped });
          const gone = (): void => cancel(systemError('sendfile', ECONNRESET, ''));
          socket.once('close', gone);
          stopped.addEventListener('abort', () => socket.off('close', gone));

          function ended(result: number): void {
            if (result === DONE) resolve(result);
            else reject(failure(result, range, sending));
          }
        });
        if (code !== DONE) throw new Error(`sendfile ended with the unknown code ${code}`);
      } catch (error) {
        socket.destroy();
        throw error;
      } finally {
        stop.abort();
      }
    },
  };
}

const ECONNRESET = 104;

function failure(code: number, range: FileRange, sending: NativeSendFile): Error {
  return code === SHORT ? new FileShortError(range, range.length - sending.left) : systemError('sendfile', -code, '');
}

/** Node has it, without saying so: `_handle.fd` of a socket of TCP or a pipe. */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd?: number } | null };
  const fd = handle?.fd;
  if (fd === undefined || fd < 0) throw systemError('sendfile', ECONNRESET, '');
  return fd;
}
