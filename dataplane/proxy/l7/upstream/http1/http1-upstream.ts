import type { Upstream } from '../call.ts';
import type { Dialed, SocketReader } from '../dialer.ts';
import { Http1Call } from './call.ts';
import { Http1Connection, type ConnectionOwner } from './connection.ts';

export interface Http1UpstreamOptions {
  /**
   * Opens a connection on which HTTP/1.1 is spoken, later than the call. With a reader it may, where the bytes come in clear, read into
   * the reader's buffer.
   */
  readonly connect: (reader: SocketReader | null, done: (result: Dialed) => void) => void;
  readonly keepAliveMs: number;
  readonly maxConnections: number;
  readonly maxHeaderBytes: number;
}

export interface Http1Upstream extends Upstream {
  /** Closes connections that have been idle for long. `now`: milliseconds, of a clock of the caller's. */
  sweep(now: number): void;
}

/**
 * HTTP/1.1 to one backend: a request has a connection to itself, and connections are kept. The one used last goes first, so that
 * those that aren't needed grow idle. No timers: the exchange's watch knows whom is waited for.
 */
export function createHttp1Upstream(options: Http1UpstreamOptions): Http1Upstream {
  const idle: Http1Connection[] = [];
  const waiting = new Set<Http1Call>();
  /** Connections, open and being opened. */
  let count = 0;
  let dialing = 0;
  let isClosed = false;

  const owner: ConnectionOwner = {
    freed(connection) {
      const next = nextWaiting();
      if (next) give(next, connection);
      else if (isClosed) connection.destroy();
      else idle.push(connection);
    },
    closed(connection) {
      count--;
      const at = idle.indexOf(connection);
      if (at !== -1) idle.splice(at, 1);
      dialMore();
    },
  };

  function nextWaiting(): Http1Call | null {
    for (const call of waiting) {
      waiting.delete(call);
      return call;
    }
    return null;
  }

  function give(call: Http1Call, connection: Http1Connection): void {
    call.connection = connection;
    connection.send(call);
  }

  function dialMore(): void {
    while (waiting.size > dialing && count < options.maxConnections) {
      count++;
      dialing++;
      const reader = createReader();
      options.connect(reader, (result) => {
        dialing--;
        const connection = opened(result, reader);
        if (connection) owner.freed(connection);
      });
    }
  }

  /** Null when there is no connection; then the request that has waited longest is told. */
  function opened(result: Dialed, reader: BorrowingReader | null): Http1Connection | null {
    if (result.kind === 'failed') {
      count--;
      nextWaiting()?.fail(result.error);
      dialMore();
      return null;
    }
    const isBorrowing = reader !== null && result.isReading;
    const connection = new Http1Connection(result.socket, isBorrowing, owner, options.maxHeaderBytes);
    if (isBorrowing) reader.connection = connection;
    return connection;
  }

  /** A WebSocket takes its connection with it, so it comes with one of its own, which the tunnel can read in the ordinary way. */
  function dialForUpgrade(call: Http1Call): void {
    count++;
    options.connect(null, (result) => {
      if (result.kind === 'failed') {
        count--;
        call.fail(result.error);
        return;
      }
      const connection = new Http1Connection(result.socket, false, owner, options.maxHeaderBytes);
      if (call.isOver) connection.destroy();
      else give(call, connection);
    });
  }

  return {
    send(sink) {
      const call = new Http1Call(sink, waiting);
      if (sink.request.isUpgrade) {
        dialForUpgrade(call);
        return call;
      }
      let connection = idle.pop();
      while (connection && !connection.isUsable) connection = idle.pop();
      if (connection) give(call, connection);
      else {
        waiting.add(call);
        dialMore();
      }
      return call;
    },
    sweep(now) {
      for (const connection of idle.slice()) {
        connection.idleSince ??= now;
        const limitMs = Math.min(options.keepAliveMs, connection.keepAliveMs);
        if (now - connection.idleSince >= limitMs) connection.destroy();
      }
    },
    close() {
      isClosed = true;
      for (const connection of idle.splice(0)) connection.destroy();
    },
  };
}

/** What all borrowing sockets of this thread read into: each read is dealt with before the next one, of any socket, begins. */
const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1024);

interface BorrowingReader extends SocketReader {
  connection: Http1Connection | null;
}

function createReader(): BorrowingReader {
  const reader: BorrowingReader = {
    connection: null,
    buffer: READ_BUFFER,
    callback: (sizeBytes) => reader.connection?.received(READ_BUFFER.subarray(0, sizeBytes)) ?? true,
  };
  return reader;
}
