import type { TLSSocket } from 'node:tls';
import { DEFAULT_WINDOW_BYTES, MAX_WINDOW_BYTES } from './protocol.ts';

/** Up to so much is joined by us, which is cheaper than many writes. */
const JOINED_BYTES = 16 * 1024;

/** What goes out together: texts of a character a byte, and pieces of buffers. */
export class Batch {
  #text = '';
  #sizeBytes = 0;
  readonly #parts: (string | Buffer)[] = [];

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  text(text: string): void {
    this.#text += text;
    this.#sizeBytes += text.length;
  }

  bytes(chunk: Buffer, from: number, to: number): void {
    this.#endText();
    this.#parts.push(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
    this.#sizeBytes += to - from;
  }

  /** Sends all of it by one write, and is empty again. False: the socket has enough. */
  writeTo(socket: TLSSocket): boolean {
    this.#endText();
    let isTaken = true;
    // Joined below Node, when they are encrypted: a buffer of ours each time would be work for the garbage collector.
    if (this.#sizeBytes > JOINED_BYTES) {
      socket.cork();
      for (const part of this.#parts) {
        isTaken = typeof part === 'string' ? socket.write(part, 'latin1') : socket.write(part);
      }
      socket.uncork();
    } else isTaken = socket.write(this.#join());
    this.#parts.length = 0;
    this.#sizeBytes = 0;
    return isTaken;
  }

  #join(): Buffer {
    const all = Buffer.allocUnsafe(this.#sizeBytes);
    let at = 0;
    for (const part of this.#parts) {
      if (typeof part === 'string') at += all.write(part, at, 'latin1');
      else {
        all.set(part, at);
        at += part.length;
      }
    }
    return all;
  }

  #endText(): void {
    if (this.#text !== '') this.#parts.push(this.#text);
    this.#text = '';
  }
}

/**
 * What came of a sender's turn: it has more, or waits (to be made ready again), or waits for the connection's window, or has sent
 * its last frame.
 */
export type Turn = 'more' | 'waits' | 'starved' | 'ended';

/** A stream with something to send. */
export interface Sender {
  /** The output's own mark: the sender is in its list. */
  isReady: boolean;
  /** Adds what may go out now, DATA of one frame at most and no more than the connection's window. */
  emit(batch: Batch, windowBytes: number): Turn;
  /** Of the last turn: the bytes of DATA. */
  readonly emittedBytes: number;
  /** What was emitted is on its way. */
  sent(): void;
}

const MAX_BATCH_BYTES = 64 * 1024;

/**
 * What a connection sends: answers of the connection itself first, then streams in turn, a frame each. All that comes up in one turn
 * of the event loop is one write, hence one TLS record or few. Nothing is made while the client doesn't read.
 */
export class Http2Output {
  readonly #socket: TLSSocket;
  readonly #batch = new Batch();
  #control = '';
  #ready: Sender[] = [];
  #starved: Sender[] = [];
  readonly #emitted: Sender[] = [];
  #windowBytes = DEFAULT_WINDOW_BYTES;
  #isScheduled = false;
  #isFlushing = false;
  #isBlocked = false;
  #isEnding = false;
  #isClosed = false;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('drain', this.#onDrain);
  }

  /** A frame of the connection's own. */
  control(text: string): void {
    if (this.#isClosed) return;
    this.#control += text;
    this.#schedule();
  }

  ready(sender: Sender): void {
    if (sender.isReady) return;
    if (this.#isClosed || this.#isEnding) return;
    sender.isReady = true;
    this.#ready.push(sender);
    this.#schedule();
  }

  /** The sender is over. */
  forget(sender: Sender): void {
    if (!sender.isReady) return;
    sender.isReady = false;
    this.#ready = this.#ready.filter((one) => one !== sender);
    this.#starved = this.#starved.filter((one) => one !== sender);
  }

  /** Of the connection's own frames: the bytes that wait because the client doesn't read. */
  get controlBytes(): number {
    return this.#control.length;
  }

  /** WINDOW_UPDATE of the connection. False: more than there may be (RFC 9113 §6.9.1). */
  widen(increment: number): boolean {
    this.#windowBytes += increment;
    if (this.#windowBytes > MAX_WINDOW_BYTES) return false;
    if (this.#windowBytes > 0 && this.#starved.length > 0) {
      this.#ready = this.#ready.concat(this.#starved);
      this.#starved = [];
      this.#schedule();
    }
    return true;
  }

  /** Sends what there is, and then the end of the connection. */
  end(): void {
    this.#isEnding = true;
    this.#ready = [];
    this.#starved = [];
    this.flush();
  }

  /** The socket takes nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#isBlocked = true;
    this.#control = '';
    this.#ready = [];
    this.#starved = [];
  }

  readonly flush = (): void => {
    this.#isScheduled = false;
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    while (!this.#isBlocked && this.#gather()) this.#write();
    this.#isFlushing = false;
    if (this.#isEnding && !this.#isBlocked) {
      this.close();
      this.#socket.end();
    }
  };

  #gather(): boolean {
    const batch = this.#batch;
    if (this.#control !== '') batch.text(this.#control);
    this.#control = '';
    while (this.#ready.length > 0 && batch.sizeBytes < MAX_BATCH_BYTES) {
      const sender = this.#ready.shift();
      if (!sender) break;
      const turn = sender.emit(batch, this.#windowBytes);
      this.#windowBytes -= sender.emittedBytes;
      if (turn === 'more') this.#ready.push(sender);
      else if (turn === 'starved') this.#starved.push(sender);
      else sender.isReady = false;
      this.#emitted.push(sender);
    }
    return batch.sizeBytes > 0 || this.#emitted.length > 0;
  }

  #write(): void {
    if (this.#batch.sizeBytes > 0) this.#isBlocked = !this.#batch.writeTo(this.#socket);
    const emitted = this.#emitted;
    for (const sender of emitted) sender.sent();
    emitted.length = 0;
  }

  readonly #onDrain = (): void => {
    if (this.#isClosed) return;
    this.#isBlocked = false;
    this.flush();
  };

  #schedule(): void {
    if (this.#isScheduled || this.#isBlocked) return;
    this.#isScheduled = true;
    setImmediate(this.flush);
  }
}
