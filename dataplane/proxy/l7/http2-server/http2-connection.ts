import type { TLSSocket } from 'node:tls';
import type { Reason } from '../../reasons.ts';
import { refuseConnection, type ClientConnection, type L7Context } from '../context.ts';
import type { Watched } from '../stall-watch.ts';
import { FrameReader } from './frame-reader.ts';
import { goawayFrame, pingFrame, settingsFrame, windowUpdateFrame } from './frame-text.ts';
import { Http2Output } from './output.ts';
import {
  CODE,
  ConnectionError,
  DEFAULT_WINDOW_BYTES,
  MAX_STREAM_ID,
  SESSION_WINDOW_BYTES,
  SETTING,
  STREAM_WINDOW_BYTES,
} from './protocol.ts';
import { Http2Streams } from './http2-streams.ts';

/** A connection that is over in both directions but for the client's FIN gets so long for it. */
const LINGER_MS = 2_000;
/** Answers that may wait for a client that asks and doesn't read. */
const MAX_CONTROL_BYTES = 64 * 1024;
/** Ours, to know when the client has seen the first GOAWAY. */
const GOAWAY_PING = 'shutdown';

/** HTTP/2 on a client's connection. */
export function serveHttp2(context: L7Context, socket: TLSSocket, connection: ClientConnection): void {
  const client = new Http2Connection(context, socket, connection);
  connection.shutdown = () => client.shutdown();
  if (context.isDraining()) client.shutdown();
}

/** The life of a client's connection: its beginning, deadlines, and the ways it ends. What happens in it is `Http2Streams`. */
export class Http2Connection implements Watched {
  readonly #context: L7Context;
  readonly #socket: TLSSocket;
  readonly #connection: ClientConnection;
  readonly #output: Http2Output;
  readonly #streams: Http2Streams;
  readonly #reader: FrameReader;
  #isOver = false;
  #shutdown: 'none' | 'announced' | 'final' = 'none';
  #endingAt = 0;
  /** The watch's time when it first saw a head, or another frame, that is not whole. */
  #partialSince: number | null = null;
  #announcedAt = 0;
  #progressSeen = 0;

  constructor(context: L7Context, socket: TLSSocket, connection: ClientConnection) {
    this.#context = context;
    this.#socket = socket;
    this.#connection = connection;
    this.#output = new Http2Output(socket);
    this.#streams = new Http2Streams(context, connection, this.#output, this.#onPong, this.#onIdle);
    this.#reader = new FrameReader(this.#streams);
    const { settings } = context;
    this.#output.control(
      settingsFrame([
        [SETTING.enablePush, 0],
        [SETTING.maxConcurrentStreams, settings.maxStreams],
        [SETTING.initialWindowSize, STREAM_WINDOW_BYTES],
        [SETTING.maxHeaderListSize, settings.maxHeaderBytes * 2],
        [SETTING.enableConnectProtocol, 1],
      ]) + windowUpdateFrame(0, SESSION_WINDOW_BYTES - DEFAULT_WINDOW_BYTES),
    );
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.once('close', this.#onClose);
    context.watch.add(this);
  }

  /**
   * RFC 9113 §6.8: first a GOAWAY that refuses nothing, then, when the client has seen it or a second is over, one that names the
   * last stream; what is under way finishes.
   */
  shutdown(): void {
    if (this.#isOver || this.#shutdown !== 'none') return;
    this.#shutdown = 'announced';
    this.#announcedAt = this.#context.watch.now;
    this.#output.control(goawayFrame(MAX_STREAM_ID, CODE.noError) + pingFrame(0, GOAWAY_PING));
  }

  checkStall(now: number): void {
    if (this.#isOver) {
      if (now - this.#endingAt >= LINGER_MS) this.#connection.raw.destroy();
      return;
    }
    const { headerTimeoutMs, idleTimeoutMs } = this.#context.settings;
    const isPartial = this.#streams.isInHead || this.#reader.isPartial;
    if (!isPartial || this.#progressSeen !== this.#streams.progress) this.#partialSince = null;
    this.#progressSeen = this.#streams.progress;
    if (isPartial) {
      this.#partialSince ??= now;
      if (now - this.#partialSince >= headerTimeoutMs) {
        return this.#fail(CODE.noError, 'request_timeout', `a request head was not completed in ${headerTimeoutMs} ms`);
      }
    }
    if (this.#output.controlBytes > MAX_CONTROL_BYTES) {
      return this.#fail(CODE.enhanceYourCalm, 'limit_streams', 'answers that are not read');
    }
    if (this.#shutdown === 'announced' && now > this.#announcedAt) this.#finishShutdown();
    else if (this.#streams.open === 0 && now - this.#streams.activeAt >= idleTimeoutMs) this.shutdown();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isOver) return;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      if (error instanceof ConnectionError) return this.#fail(error.code, error.reason, error.message);
      this.#context.reporter.failed('HTTP/2 connection', error);
      this.#fail(CODE.internalError, 'internal', 'a mistake of ours');
    }
  };

  /** Half of a connection closed can't be told from all of it closed: as always with TLS, the client is taken to be gone. */
  readonly #onEnd = (): void => {
    this.#socket.destroySoon();
  };

  readonly #onClose = (): void => {
    this.#context.watch.delete(this);
    this.#isOver = true;
    this.#reader.stop();
    this.#output.close();
    this.#streams.breakAll();
  };

  readonly #onPong = (payload: string): void => {
    if (payload === GOAWAY_PING && this.#shutdown === 'announced') this.#finishShutdown();
  };

  readonly #onIdle = (): void => {
    if (this.#shutdown === 'final' && !this.#isOver) this.#end();
  };

  #finishShutdown(): void {
    this.#shutdown = 'final';
    this.#streams.takeNoMore();
    this.#output.control(goawayFrame(this.#streams.lastId, CODE.noError));
    if (this.#streams.open === 0) this.#end();
  }

  /** GOAWAY, and the end. What the client still sends is read and dropped: unread, it would make a reset of the close, which can overtake the GOAWAY. */
  #fail(code: number, reason: Reason, detail: string): void {
    if (this.#isOver) return;
    const { info, route } = this.#connection;
    refuseConnection(this.#context.reporter, info, route.hostname, reason, `HTTP/2: ${detail}`);
    this.#output.control(goawayFrame(this.#streams.lastId, code));
    this.#end();
    this.#streams.breakAll();
  }

  #end(): void {
    this.#isOver = true;
    this.#endingAt = this.#context.watch.now;
    this.#reader.stop();
    this.#output.end();
  }
}
