import type { ClientConnection, L7Context } from '../context.ts';
import { Exchange } from '../exchange.ts';
import { Budgets } from './budgets.ts';
import { ClosedStreams } from './closed-streams.ts';
import type { FrameHandler } from './frame-reader.ts';
import { checkFrameHead, readIncrement, readSettings } from './frame-rules.ts';
import { pingFrame, resetFrame, SETTINGS_ACK, windowUpdateFrame } from './frame-text.ts';
import { HeadReader } from './head-reader.ts';
import { NO_TABLE } from './hpack/encoder.ts';
import { Http2Front, type StreamOwner } from './http2-front.ts';
import type { Http2Output } from './output.ts';
import {
  CODE,
  ConnectionError,
  DEFAULT_WINDOW_BYTES,
  FLAG,
  FRAME,
  SESSION_WINDOW_BYTES,
  STREAM_WINDOW_BYTES,
} from './protocol.ts';
import { areTrailers, readRequest, type ReadRequest } from './read-request.ts';
import { ReceiveWindow } from './receive-window.ts';

const NOTHING: readonly string[] = [];

/**
 * The streams of one connection (RFC 9113 §5): what each frame means for them. A mistake that is the stream's alone resets it and is
 * paid for out of a budget; any other is thrown.
 */
export class Http2Streams implements FrameHandler, StreamOwner {
  /** The last stream whose head came whole. */
  lastId = 0;
  /** Streams that are open. */
  open = 0;
  /** The watch's time when a stream last came or went. */
  activeAt: number;
  /** Goes up with each frame but CONTINUATION. */
  progress = 0;
  /** Until DATA has been sent, and so a head before it, each block may be the first. */
  blockPrefix = NO_TABLE;
  readonly #context: L7Context;
  readonly #connection: ClientConnection;
  readonly #output: Http2Output;
  readonly #onPong: (payload: string) => void;
  readonly #onIdle: () => void;
  readonly #budgets: Budgets;
  readonly #heads: HeadReader;
  readonly #maxStreams: number;
  readonly #streams = new Map<number, Http2Front>();
  readonly #closed: ClosedStreams;
  readonly #window = new ReceiveWindow(SESSION_WINDOW_BYTES);
  #clientWindowBytes = DEFAULT_WINDOW_BYTES;
  #hasSettings = false;
  /** The client knows max_streams. */
  #isAcknowledged = false;
  #takesNoMore = false;
  /** Of the DATA frame at hand. */
  #dataStream: Http2Front | null = null;
  #dataEndsStream = false;
  /** Of its bytes, those that nobody will use: padding. */
  #dataOverhead = 0;

  constructor(
    context: L7Context,
    connection: ClientConnection,
    output: Http2Output,
    onPong: (payload: string) => void,
    onIdle: () => void,
  ) {
    this.#context = context;
    this.#connection = connection;
    this.#output = output;
    this.#onPong = onPong;
    this.#onIdle = onIdle;
    const { settings, watch } = context;
    this.activeAt = watch.now;
    this.#budgets = new Budgets(watch.now);
    // Somewhat above our own limits, so that a head slightly too large gets 431 with its reason and only a bomb gets a reset.
    this.#heads = new HeadReader({
      maxFields: settings.maxHeaderCount * 2 + 8,
      maxBytes: settings.maxHeaderBytes * 2,
    });
    this.#maxStreams = settings.maxStreams;
    this.#closed = new ClosedStreams(settings.maxStreams);
  }

  /** A head has begun and not ended. */
  get isInHead(): boolean {
    return this.#heads.isPartial;
  }

  /** New streams are not looked at any more: a GOAWAY has said so. */
  takeNoMore(): void {
    this.#takesNoMore = true;
  }

  /** The connection is gone. */
  breakAll(): void {
    for (const stream of this.#streams.values()) stream.broke();
    this.#streams.clear();
    this.open = 0;
  }

  // What the frame reader says.

  frameBegan(type: number, flags: number, streamId: number, sizeBytes: number): void {
    const { isPartial } = this.#heads;
    if (!isPartial) this.progress++;
    if (isPartial !== (type === FRAME.continuation) || (isPartial && streamId !== this.#heads.streamId)) {
      throw new ConnectionError(CODE.protocolError, 'a head in pieces that do not follow each other');
    }
    if (!this.#hasSettings && (type !== FRAME.settings || (flags & FLAG.ack) !== 0)) {
      throw new ConnectionError(CODE.protocolError, 'no SETTINGS first');
    }
    checkFrameHead(type, flags, streamId, sizeBytes);
    if (type === FRAME.data) this.#dataBegan(flags, streamId, sizeBytes);
    else if (type > FRAME.continuation) this.#budgets.idleFrame(this.#context.watch.now);
  }

  frame(type: number, flags: number, streamId: number, bytes: Buffer, from: number, to: number): void {
    switch (type) {
      case FRAME.headers:
        if (this.#heads.begin(flags, streamId, bytes, from, to)) this.#head();
        return;
      case FRAME.continuation:
        if (this.#heads.continue(flags, bytes, from, to)) this.#head();
        return;
      case FRAME.priority:
        return this.#priority(streamId, bytes.readUInt32BE(from) & 0x7fffffff);
      case FRAME.rstStream:
        return this.#rstStream(streamId);
      case FRAME.settings:
        return this.#settings(flags, bytes, from, to);
      case FRAME.ping:
        return this.#ping(flags, bytes.toString('latin1', from, to));
      case FRAME.windowUpdate:
        return this.#windowUpdate(streamId, readIncrement(bytes, from));
      default:
        // GOAWAY: the client opens no more streams and closes when it has what it wants.
        this.#budgets.idleFrame(this.#context.watch.now);
    }
  }

  dataPiece(bytes: Buffer, from: number, to: number): void {
    this.#dataOverhead -= to - from;
    const stream = this.#dataStream;
    if (!stream) this.#giveBack(to - from);
    else if (!stream.receive(bytes.subarray(from, to))) this.#brokenByClient(stream);
  }

  dataEnded(): void {
    const stream = this.#dataStream;
    if (stream && this.#dataOverhead > 0) stream.used(this.#dataOverhead);
    else if (this.#dataOverhead > 0) this.#giveBack(this.#dataOverhead);
    if (stream && this.#dataEndsStream && !stream.receivedAll(NOTHING)) this.#brokenByClient(stream);
    this.#dataStream = null;
  }

  // What the streams say.

  ready(stream: Http2Front, atOnce: boolean): void {
    this.#output.ready(stream);
    if (atOnce) this.#output.flush();
  }

  used(stream: Http2Front, sizeBytes: number, increment: number): void {
    if (increment > 0) this.#output.control(windowUpdateFrame(stream.id, increment));
    this.#giveBack(sizeBytes);
  }

  dataSent(): void {
    this.#budgets.dataSent();
    this.blockPrefix = '';
  }

  reset(stream: Http2Front, code: number): void {
    this.#output.control(resetFrame(stream.id, code));
    this.#remove(stream, true);
  }

  completed(stream: Http2Front): void {
    this.#budgets.responded();
    // RFC 9113 §8.1: a server that needs no more of the request says so with NO_ERROR once its response is out.
    if (!stream.isAllReceived) this.#output.control(resetFrame(stream.id, CODE.noError));
    this.#remove(stream, !stream.isAllReceived);
  }

  // DATA.

  #dataBegan(flags: number, streamId: number, sizeBytes: number): void {
    if (!this.#window.take(sizeBytes)) throw new ConnectionError(CODE.flowControlError, 'DATA above the window');
    const stream = this.#streams.get(streamId) ?? null;
    if (!stream) this.#expectReset(streamId, 'DATA');
    else if (stream.isAllReceived) throw new ConnectionError(CODE.streamClosed, 'DATA after the end of a stream');
    else if (!stream.takeWindow(sizeBytes)) {
      throw new ConnectionError(CODE.flowControlError, 'DATA above the window of a stream');
    }
    this.#dataStream = stream;
    this.#dataEndsStream = (flags & FLAG.endStream) !== 0;
    this.#dataOverhead = sizeBytes;
    if (sizeBytes === 0 && !this.#dataEndsStream) this.#budgets.controlFrame(this.#context.watch.now);
  }

  #giveBack(sizeBytes: number): void {
    const increment = this.#window.giveBack(sizeBytes);
    if (increment > 0) this.#output.control(windowUpdateFrame(0, increment));
  }

  // Heads.

  #head(): void {
    const { streamId, endsStream, raw, isMalformed, isTooLarge } = this.#heads;
    const stream = this.#streams.get(streamId);
    if (stream) return this.#trailers(stream);
    if (streamId <= this.lastId || this.#takesNoMore) {
      this.#expectReset(streamId, 'HEADERS');
      return this.#budgets.idleFrame(this.#context.watch.now);
    }
    if (streamId % 2 === 0) throw new ConnectionError(CODE.protocolError, 'a stream of an even id');
    this.lastId = streamId;
    if (this.open >= this.#maxStreams) {
      if (!this.#isAcknowledged) return this.#refuse(streamId, CODE.refusedStream);
      throw new ConnectionError(CODE.protocolError, 'more streams than max_streams', 'limit_streams');
    }
    if (isTooLarge) return this.#refuse(streamId, CODE.enhanceYourCalm);
    const request = readRequest(raw, endsStream);
    if (isMalformed || typeof request === 'string') return this.#refuse(streamId, CODE.protocolError);
    this.#open(streamId, request, endsStream);
  }

  #open(streamId: number, request: ReadRequest, endsStream: boolean): void {
    const stream = new Http2Front(this, streamId, request, endsStream, {
      send: this.#clientWindowBytes,
      receive: endsStream ? null : new ReceiveWindow(STREAM_WINDOW_BYTES),
    });
    this.#streams.set(streamId, stream);
    this.open++;
    this.activeAt = this.#context.watch.now;
    new Exchange(this.#context, this.#connection, stream).run();
  }

  #trailers(stream: Http2Front): void {
    const { endsStream, raw, isMalformed, isTooLarge } = this.#heads;
    if (stream.isAllReceived) throw new ConnectionError(CODE.streamClosed, 'HEADERS after the end of a stream');
    if (!endsStream || isMalformed || !areTrailers(raw)) stream.refuse(CODE.protocolError);
    else if (isTooLarge) stream.refuse(CODE.enhanceYourCalm);
    else if (stream.receivedAll(raw)) return;
    this.#brokenByClient(stream);
  }

  // Other frames.

  #priority(streamId: number, dependsOn: number): void {
    this.#budgets.idleFrame(this.#context.watch.now);
    if (dependsOn !== streamId) return;
    const stream = this.#streams.get(streamId);
    if (!stream) throw new ConnectionError(CODE.protocolError, 'a stream that depends on itself');
    stream.refuse(CODE.protocolError);
    this.#brokenByClient(stream);
  }

  #rstStream(streamId: number): void {
    const stream = this.#streams.get(streamId);
    if (!stream) return this.#dropForClosed(streamId, 'RST_STREAM');
    stream.broke();
    this.#remove(stream, false);
    this.#brokenByClient(stream);
  }

  #settings(flags: number, bytes: Buffer, from: number, to: number): void {
    this.#hasSettings = true;
    if ((flags & FLAG.ack) !== 0) {
      if (this.#isAcknowledged) this.#budgets.idleFrame(this.#context.watch.now);
      this.#isAcknowledged = true;
      return;
    }
    this.#budgets.controlFrame(this.#context.watch.now);
    const windowBytes = readSettings(bytes, from, to);
    if (windowBytes !== null) {
      const change = windowBytes - this.#clientWindowBytes;
      this.#clientWindowBytes = windowBytes;
      // RFC 9113 §6.9.2: of all streams, also below 0.
      for (const stream of this.#streams.values()) {
        if (!stream.widen(change)) throw new ConnectionError(CODE.flowControlError, 'SETTINGS_INITIAL_WINDOW_SIZE');
      }
    }
    this.#output.control(SETTINGS_ACK);
  }

  #ping(flags: number, payload: string): void {
    this.#budgets.controlFrame(this.#context.watch.now);
    if ((flags & FLAG.ack) === 0) this.#output.control(pingFrame(FLAG.ack, payload));
    else this.#onPong(payload);
  }

  #windowUpdate(streamId: number, increment: number): void {
    if (streamId === 0) {
      if (!this.#output.widen(increment)) throw new ConnectionError(CODE.flowControlError, 'WINDOW_UPDATE');
      return;
    }
    const stream = this.#streams.get(streamId);
    if (!stream) return this.#dropForClosed(streamId, 'WINDOW_UPDATE');
    if (stream.widen(increment)) return;
    stream.refuse(CODE.flowControlError);
    this.#brokenByClient(stream);
  }

  // Streams that are not open.

  /** A frame that may come for a stream at any time after its end (RFC 9113 §5.1). */
  #dropForClosed(streamId: number, frame: string): void {
    if (streamId > this.lastId && !this.#takesNoMore)
      throw new ConnectionError(CODE.protocolError, `${frame} on an idle stream`);
    this.#budgets.idleFrame(this.#context.watch.now);
  }

  /** A frame that may come for a stream only as long as the client doesn't know that we have reset it. */
  #expectReset(streamId: number, frame: string): void {
    if (this.#takesNoMore && streamId > this.lastId) return;
    const state = streamId > this.lastId ? 'unknown' : this.#closed.stateOf(streamId);
    if (state === 'reset') return;
    if (state === 'ended') throw new ConnectionError(CODE.streamClosed, `${frame} on a closed stream`);
    throw new ConnectionError(CODE.protocolError, `${frame} on a stream that is not open`);
  }

  #refuse(streamId: number, code: number): void {
    this.#output.control(resetFrame(streamId, code));
    this.#closed.add(streamId, true);
    this.#budgets.brokenOff(this.#context.watch.now);
  }

  #brokenByClient(stream: Http2Front): void {
    if (stream === this.#dataStream) this.#dataStream = null;
    this.#budgets.brokenOff(this.#context.watch.now);
  }

  #remove(stream: Http2Front, byReset: boolean): void {
    this.#closed.add(stream.id, byReset);
    if (!this.#streams.delete(stream.id)) return;
    this.#output.forget(stream);
    this.open--;
    this.activeAt = this.#context.watch.now;
    if (this.open === 0) this.#onIdle();
  }
}
