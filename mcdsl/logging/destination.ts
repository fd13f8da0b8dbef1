import fs from 'node:fs';
import net from 'node:net';

import { errnoOf } from '../errors/index.ts';

export type LogDestination = Disposable & {
  /** Takes one whole line with its line feed. Never waits: above the bound the line is dropped and counted. */
  write(line: string): void;
  /** Writes what is buffered, waiting for a slow reader no longer than this; the rest is dropped and counted. */
  flush(timeoutMs: number): void;
  stats(): LogDestinationStats;
};

export type LogDestinationStats = { readonly droppedLines: number; readonly bufferedBytes: number };

export type LogDestinationOptions = {
  /** Bound of the buffer that a stalled reader fills. */
  readonly maxBufferedBytes?: number;
};

type Chunk = { readonly bytes: Buffer; offset: number; readonly lines: number };

const defaultMaxBufferedBytes = 4 * 1024 * 1024;
const retryMs = 50;
const exitFlushMs = 250;
// As many bytes as a pipe holds: more in one write would be cut anyway.
const chunkBytes = 64 * 1024;

/**
 * Writes lines to a descriptor without ever blocking the thread: lines of one turn of the event loop go out in one
 * write(2) to a non-blocking descriptor, and what the reader does not take waits in a bounded buffer.
 *
 * It does not use the thread pool: a write blocked there would hold one of its few threads and hang the exit.
 */
export function openLogDestination(fd: number, options: LogDestinationOptions = {}): LogDestination {
  const maxBufferedBytes = options.maxBufferedBytes ?? defaultMaxBufferedBytes;
  const target = openNonBlocking(fd);
  let lines: string[] = [];
  let lineBytes = 0;
  let chunk: Chunk | null = null;
  let droppedLines = 0;
  let scheduled = false;
  let retry: NodeJS.Timeout | null = null;

  const bufferedBytes = (): number => lineBytes + (chunk === null ? 0 : chunk.bytes.length - chunk.offset);

  const nextChunk = (): Chunk | null => {
    if (lines.length === 0) return null;
    let count = 0;
    for (let size = 0; count < lines.length && size < chunkBytes; count++) size += lines[count]?.length ?? 0;
    const bytes = Buffer.from(lines.slice(0, count).join(''));
    lines = count === lines.length ? [] : lines.slice(count);
    lineBytes -= bytes.length;
    return { bytes, offset: 0, lines: count };
  };

  /** Returns true when all is written, false when the reader has to catch up first. */
  const pump = (): boolean => {
    for (;;) {
      chunk ??= nextChunk();
      if (chunk === null) return true;
      try {
        chunk.offset += fs.writeSync(target.fd, chunk.bytes, chunk.offset);
      } catch (error) {
        if (errnoOf(error) === 'EAGAIN') return false;
        // The reader is gone (EPIPE) or the disk is full: there is nobody to tell but the counter.
        droppedLines += chunk.lines;
        chunk = null;
        continue;
      }
      if (chunk.offset >= chunk.bytes.length) chunk = null;
    }
  };

  const run = (): void => {
    scheduled = false;
    retry = null;
    if (!pump()) retry = setTimeout(run, retryMs).unref();
  };

  const flush = (timeoutMs: number): void => {
    const deadline = performance.now() + timeoutMs;
    while (!pump() && performance.now() < deadline) sleepSync(5);
    if (bufferedBytes() === 0) return;
    droppedLines += lines.length + (chunk?.lines ?? 0);
    lines = [];
    lineBytes = 0;
    chunk = null;
  };

  const onExit = (): void => flush(exitFlushMs);
  process.on('exit', onExit);

  return {
    write(line) {
      const size = Buffer.byteLength(line);
      if (bufferedBytes() + size > maxBufferedBytes) {
        droppedLines++;
        return;
      }
      lines.push(line);
      lineBytes += size;
      if (scheduled || retry !== null) return;
      scheduled = true;
      setImmediate(run);
    },
    flush,
    stats: () => ({ droppedLines, bufferedBytes: bufferedBytes() }),
    [Symbol.dispose]() {
      flush(exitFlushMs);
      process.off('exit', onExit);
      if (retry !== null) clearTimeout(retry);
      target.close();
    },
  };
}

type Target = { readonly fd: number; close(): void };

/**
 * A descriptor for the same file that does not block. Opened anew through /proc, because O_NONBLOCK belongs to the open
 * file and would hit every process that shares it. Where that cannot be (a socket, a pipe made by another user) the flag
 * is set on the descriptor itself. Regular files do not block and keep their own position.
 */
function openNonBlocking(fd: number): Target {
  if (fs.fstatSync(fd).isFile()) return { fd, close: () => undefined };
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = fs.constants;
  try {
    const own = fs.openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
    return { fd: own, close: () => fs.closeSync(own) };
  } catch (error) {
    return setNonBlocking(fd, error);
  }
}

function setNonBlocking(fd: number, reason: unknown): Target {
  try {
    // The handle sets O_NONBLOCK as it takes the descriptor. It is kept, and never destroyed: that would close it.
    const holder = new net.Socket({ fd, readable: false, writable: true }).unref();
    return { fd, close: () => void holder };
  } catch (error) {
    throw new AggregateError([reason, error], `cannot write logs to descriptor ${fd} without blocking`, {
      cause: error,
    });
  }
}

function sleepSync(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
