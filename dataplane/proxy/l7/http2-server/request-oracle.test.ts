import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { connect, type AddressInfo } from 'node:net';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { normaliseHead } from '../request-head.ts';
import { data, FLAG, frame, hpack, PREFACE, requestFields, TYPE } from '../test/h2-wire.ts';
import { SETTINGS } from '../test/harness.ts';
import { FrameReader } from './frame-reader.ts';
import { checkFrameHead } from './frame-rules.ts';
import { HeadReader } from './head-reader.ts';
import { readRequest } from './read-request.ts';

interface Read {
  readonly raw: readonly string[];
  readonly body: string;
}

/** The request of stream 1 in the bytes as we read it; null when it is refused or not whole, or when anything else comes. */
function byUs(bytes: Buffer): Read | null {
  const heads = new HeadReader({ maxFields: 100, maxBytes: 16_384 });
  let read: Read | null = null;
  let body = '';
  let endsStream = false;
  let isOver = false;
  const reader = new FrameReader({
    frameBegan(type, flags, streamId, sizeBytes) {
      checkFrameHead(type, flags, streamId, sizeBytes);
      const isExpected = heads.isPartial ? type === TYPE.continuation : type === (read ? TYPE.data : TYPE.headers);
      if (!isExpected || streamId !== 1 || isOver) throw new Error('not of the request');
      endsStream ||= (flags & FLAG.endStream) !== 0 && type !== TYPE.continuation;
    },
    frame(type, flags, streamId, payload, from, to) {
      const isWhole =
        type === TYPE.headers
          ? heads.begin(flags, streamId, payload, from, to)
          : heads.continue(flags, payload, from, to);
      if (!isWhole) return;
      const request = readRequest(heads.raw, heads.endsStream);
      if (typeof request === 'string' || heads.isMalformed || heads.isTooLarge) throw new Error('refused');
      if (normaliseHead(request.head, SETTINGS).kind === 'refused') throw new Error('refused');
      read = { raw: heads.raw, body: '' };
      isOver = endsStream;
    },
    dataPiece: (payload, from, to) => void (body += payload.toString('latin1', from, to)),
    dataEnded: () => void (isOver = endsStream),
  });
  try {
    reader.push(bytes);
  } catch {
    return null;
  }
  return read && isOver && !reader.isPartial ? { raw: (read as Read).raw, body } : null;
}

let server: Http2Server;
let requests: Read[] = [];

beforeAll(async () => {
  server = createServer((_request, response) => response.end());
  server.on('stream', (stream: ServerHttp2Stream, _headers, _flags, raw) => {
    let body = '';
    stream.on('error', () => stream.close());
    stream.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
    stream.on('end', () => requests.push({ raw, body }));
  });
  server.on('sessionError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => void server.close());

/** The same as Node's own server reads it. */
async function byNode(bytes: Buffer): Promise<Read | null> {
  requests = [];
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => socket.destroy());
  socket.resume();
  socket.end(Buffer.concat([PREFACE, frame(TYPE.settings, 0, 0), bytes]));
  await new Promise((resolve) => socket.once('close', resolve));
  return requests[0] ?? null;
}

const GET = hpack(requestFields('GET', [['x-a', 'b']]));
const POST = hpack(requestFields('POST', [['cookie', 'a=1']]));
/** With indexes, a Huffman code, and a field that is stored and named again. */
const INDEXED = Buffer.from('828744012f418cf1e3c2e5f23a6ba0ab90f4ff400378797a0161be', 'hex');
const BASES = [
  frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 1, GET),
  frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, 1, INDEXED),
  Buffer.concat([frame(TYPE.headers, FLAG.endHeaders, 1, POST), data(1, 'hello', FLAG.endStream)]),
  Buffer.concat([
    frame(TYPE.headers, 0, 1, POST.subarray(0, 9)),
    frame(TYPE.continuation, FLAG.endHeaders, 1, POST.subarray(9)),
    frame(TYPE.data, FLAG.padded | FLAG.endStream, 1, Buffer.from([2, 0x61, 0x62, 0, 0])),
  ]),
];

it('PX-25 a request that we accept, Node’s own HTTP/2 reads in the same way', async () => {
  const edit = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), byte: fc.nat(255) });
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...BASES), fc.array(edit, { maxLength: 2 }), async (base, edits) => {
      const bytes = Buffer.from(base);
      for (const { at, byte } of edits) bytes[Math.floor(at * bytes.length) % bytes.length] = byte;
      const ours = byUs(Buffer.concat([PREFACE, bytes]));
      if (!ours) return;
      accepted++;
      expect(await byNode(bytes), bytes.toString('hex')).toEqual(ours);
    }),
    { numRuns: 1_500 },
  );
  expect(accepted).toBeGreaterThan(100);
});
