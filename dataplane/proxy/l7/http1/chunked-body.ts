import { readFieldLines, TEXT_CHARACTERS } from './field-lines.ts';

export interface BodySink {
  /** Bytes of the body: `chunk[from, to)`. They are the caller's again afterwards. */
  bodyBytes(chunk: Buffer, from: number, to: number): void;
}

type State = 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailers' | 'done' | 'failed';

const LF = 0x0a;
const CR = 0x0d;
const SEMICOLON = 0x3b;
/** 2^52 bytes: the largest size whose sum with an index is still exact. */
const MAX_SIZE_DIGITS = 13;
/** Of one body. Extensions carry nothing that anybody uses; long ones are an attack (CVE-2024-22019). */
const MAX_EXTENSION_BYTES = 16 * 1024;
const MAX_TRAILER_BYTES = 16 * 1024;

/** Decodes one body after the other in chunked coding (RFC 9112 §7.1), strictly: what looks like a size but isn't one ends it. */
export class ChunkedBody {
  /** Once the body is done: its trailers as a raw list; empty when there are none. */
  trailers: string[] = [];
  /** Once it has failed: what was wrong. */
  fault = '';
  #state: State = 'size';
  #size = 0;
  #digits = 0;
  #extensionBytes = 0;
  #trailerText = '';

  reset(): void {
    this.trailers = [];
    this.#state = 'size';
    this.#size = 0;
    this.#digits = 0;
    this.#extensionBytes = 0;
    this.#trailerText = '';
  }

  get isDone(): boolean {
    return this.#state === 'done';
  }

  get hasFailed(): boolean {
    return this.#state === 'failed';
  }

  /** Returns the index in `chunk` up to which it was used: all of it, or where the body was done or failed. */
  push(chunk: Buffer, from: number, sink: BodySink): number {
    let at = from;
    while (at < chunk.length) {
      switch (this.#state) {
        case 'data': {
          const to = Math.min(chunk.length, at + this.#size);
          this.#size -= to - at;
          if (this.#size === 0) this.#state = 'data-cr';
          sink.bodyBytes(chunk, at, to);
          at = to;
          break;
        }
        case 'trailers':
          at = this.#readTrailers(chunk, at);
          break;
        case 'done':
        case 'failed':
          return at;
        default:
          this.#readFraming(this.#state, chunk[at++] ?? 0);
      }
    }
    return at;
  }

  #readFraming(state: 'size' | 'extension' | 'size-lf' | 'data-cr' | 'data-lf', byte: number): void {
    switch (state) {
      case 'size':
        return this.#readSize(byte);
      case 'extension':
        if (byte === CR) this.#state = 'size-lf';
        else if (TEXT_CHARACTERS[byte] !== 1 || ++this.#extensionBytes > MAX_EXTENSION_BYTES)
          this.#fail('chunk extension');
        return;
      case 'size-lf':
        if (byte !== LF) return this.#fail('chunk size');
        this.#state = this.#size === 0 ? 'trailers' : 'data';
        this.#digits = 0;
        return;
      case 'data-cr':
        this.#state = 'data-lf';
        if (byte !== CR) this.#fail('chunk end');
        return;
      case 'data-lf':
        this.#state = 'size';
        if (byte !== LF) this.#fail('chunk end');
        return;
      default:
        return state satisfies never;
    }
  }

  #readSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit !== -1 && this.#digits < MAX_SIZE_DIGITS) {
      this.#size = this.#size * 16 + digit;
      this.#digits++;
    } else if (this.#digits > 0 && byte === CR) this.#state = 'size-lf';
    else if (this.#digits > 0 && byte === SEMICOLON) this.#state = 'extension';
    else this.#fail('chunk size');
  }

  #readTrailers(chunk: Buffer, at: number): number {
    const lineEnd = chunk.indexOf(LF, at);
    const to = lineEnd === -1 ? chunk.length : lineEnd + 1;
    if (this.#trailerText.length + to - at > MAX_TRAILER_BYTES) this.#fail('trailers too large');
    else this.#trailerText += chunk.toString('latin1', at, to);
    const text = this.#trailerText;
    if (lineEnd === -1 || this.hasFailed) return to;
    if (!text.endsWith('\r\n')) this.#fail('trailer');
    else if (text === '\r\n' || text.endsWith('\r\n\r\n')) {
      const fault = readFieldLines(text, 0, text.length - 2, this.trailers);
      this.#state = 'done';
      if (fault) this.#fail(`trailer ${fault}`);
    }
    return to;
  }

  #fail(fault: string): void {
    this.#state = 'failed';
    this.fault = fault;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
