import type { TLSSocket } from 'node:tls';
import type { Rig } from './harness.ts';

/** HTTP/2 byte by byte, for what no client library would send (RFC 9113 §4, §6; RFC 7541 §6.2.2). */

export const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const FLAG = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const;
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const FRAME_HEAD_BYTES = 9;
const A_WRITE = 50;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** Disposing destroys the connection. */
export interface WireClient extends Disposable {
  readonly socket: TLSSocket;
  readonly frames: readonly Frame[];
  send(...frames: readonly Buffer[]): void;
  /**
   * So many frames, a few a write, until the proxy says goodbye. After each write it waits for what `settled` says of the last
   * frame, else for a turn of the event loop.
   */
  flood(count: number, make: (index: number) => Buffer, settled?: (index: number) => Promise<unknown>): Promise<void>;
  /** The first frame, of those that came and those that will, that is so; rejects when the connection ends without one. */
  frame(isIt: (frame: Frame) => boolean): Promise<Frame>;
  /** The error code of the GOAWAY. */
  goaway(): Promise<number>;
  /** The error code of the RST_STREAM. */
  reset(streamId: number): Promise<number>;
  /** The response's status. */
  status(streamId: number): Promise<number>;
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
}

export function frame(type: number, flags: number, streamId: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function setting(id: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([0, id]), uint32(value)]);
}

/** Literal fields without indexing, as they are. */
export function hpack(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), hpackString(name), hpackString(value)]));
}

function hpackString(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  return Buffer.concat([hpackInteger(bytes.length, 7), bytes]);
}

function hpackInteger(value: number, prefixBits: number): Buffer {
  const max = 2 ** prefixBits - 1;
  if (value < max) return Buffer.from([value]);
  const bytes = [max];
  let rest = value - max;
  for (; rest >= 128; rest >>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

type Fields = readonly (readonly [string, string])[];

export function requestFields(method: string, more: Fields = []): Fields {
  return [[':method', method], [':scheme', 'https'], [':path', '/'], [':authority', 'app.test'], ...more];
}

/** A whole request without a body. */
export function get(streamId: number, more: Fields = []): Buffer {
  return frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, streamId, hpack(requestFields('GET', more)));
}

/** A request whose body is to follow. */
export function post(streamId: number, more: Fields = []): Buffer {
  return frame(TYPE.headers, FLAG.endHeaders, streamId, hpack(requestFields('POST', more)));
}

export function data(streamId: number, text: string, flags = 0): Buffer {
  return frame(TYPE.data, flags, streamId, Buffer.from(text));
}

export function rst(streamId: number, code = 8): Buffer {
  return frame(TYPE.rstStream, 0, streamId, uint32(code));
}

export function windowUpdate(streamId: number, increment: number): Buffer {
  return frame(TYPE.windowUpdate, 0, streamId, uint32(increment));
}

/** Connects, sends the preface and `settings`, and acknowledges the proxy's. */
export async function openWire(rig: Rig, settings: Buffer = Buffer.alloc(0)): Promise<WireClient> {
  const socket = await rig.tls('app.test', { ALPNProtocols: ['h2'] });
  const frames: Frame[] = [];
  const waiting = new Set<() => void>();
  let isClosed = false;
  const wake = (): void => {
    for (const look of waiting) look();
  };
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      isClosed = true;
      wake();
      resolve();
    });
  });
  let rest: Buffer = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let next = readFrame(rest); next; next = readFrame(rest)) {
      rest = rest.subarray(FRAME_HEAD_BYTES + next.payload.length);
      frames.push(next);
      if (next.type === TYPE.settings && (next.flags & FLAG.ack) === 0) send(frame(TYPE.settings, FLAG.ack, 0));
    }
    wake();
  });

  function send(...parts: readonly Buffer[]): void {
    if (socket.writable) socket.write(Buffer.concat(parts));
  }

  function find(isIt: (frame: Frame) => boolean): Promise<Frame> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = frames.find(isIt);
        if (!found && !isClosed) return;
        waiting.delete(look);
        if (found) resolve(found);
        else reject(new Error('the connection ended without the frame that was waited for'));
      };
      waiting.add(look);
      look();
    });
  }

  async function flood(
    count: number,
    make: (index: number) => Buffer,
    settled: (index: number) => Promise<unknown> = nextTurn,
  ): Promise<void> {
    const goodbye = find((one) => one.type === TYPE.goaway).catch(() => null);
    for (let i = 0; i < count; i += A_WRITE) {
      if (isClosed || frames.some((one) => one.type === TYPE.goaway)) return;
      const end = Math.min(i + A_WRITE, count);
      send(...Array.from({ length: end - i }, (_, j) => make(i + j)));
      await Promise.race([settled(end - 1), goodbye]);
    }
  }

  const client: WireClient = {
    socket,
    frames,
    send,
    flood,
    frame: find,
    goaway: async () => (await find((one) => one.type === TYPE.goaway)).payload.readUInt32BE(4),
    reset: async (id) =>
      (await find((one) => one.type === TYPE.rstStream && one.streamId === id)).payload.readUInt32BE(),
    status: async (id) => statusOf((await find((one) => one.type === TYPE.headers && one.streamId === id)).payload),
    closed,
    [Symbol.dispose]: () => void socket.destroy(),
  };
  send(PREFACE, frame(TYPE.settings, 0, 0, settings));
  // Acknowledged at once, so that the acknowledgement never stands between the pieces of a test's head.
  await find((one) => one.type === TYPE.settings && one.flags === 0);
  return client;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function readFrame(bytes: Buffer): Frame | null {
  if (bytes.length < FRAME_HEAD_BYTES) return null;
  const end = FRAME_HEAD_BYTES + bytes.readUIntBE(0, 3);
  if (bytes.length < end) return null;
  return {
    type: bytes[3] ?? 0,
    flags: bytes[4] ?? 0,
    streamId: bytes.readUInt32BE(5),
    payload: bytes.subarray(FRAME_HEAD_BYTES, end),
  };
}

/**
 * :status comes first, but for a table without room (RFC 7541 §6.3); the common ones stand in the static table (appendix A), others
 * are 0 here.
 */
function statusOf(block: Buffer): number {
  const first = block[0] === 0x20 ? block[1] : block[0];
  return [200, 204, 206, 304, 400, 404, 500][((first ?? 0) & 0x7f) - 8] ?? 0;
}
