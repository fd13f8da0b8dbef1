import { once } from 'node:events';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FLAG, TYPE } from '../test/h2-wire.ts';
import { FrameReader } from './frame-reader.ts';
import { fieldBlock, headFrames, settingsFrame } from './frame-text.ts';
import { HpackDecoder } from './hpack/decoder.ts';
import { encodeStatus, NO_TABLE } from './hpack/encoder.ts';

/** Node's own HTTP/2 on the other side: what it sends we read as it was meant, what we send it reads as we meant it. */

let requested: string[] = [];
let response: string[] = [];
let server: Server;
let client: ClientHttp2Session;

/** Our frames and HPACK, with nothing around them; the client may keep no table, so that the first block has to say so. */
function serve(socket: Socket): void {
  const decoder = new HpackDecoder({ maxFields: 1_000, maxBytes: 1_000_000 });
  let block = Buffer.alloc(0);
  let prefix = NO_TABLE;
  const reader = new FrameReader({
    frameBegan: () => undefined,
    frame(type, flags, streamId, bytes, from, to) {
      if (type === TYPE.settings && (flags & FLAG.ack) === 0) socket.write(Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0]));
      if (type !== TYPE.headers && type !== TYPE.continuation) return;
      // Node sends priority with a head only when it is asked to.
      block = Buffer.concat([block, bytes.subarray(from, to)]);
      if ((flags & FLAG.endHeaders) === 0) return;
      requested = decoder.decode(block, 0, block.length);
      block = Buffer.alloc(0);
      const answer = prefix + encodeStatus(203) + fieldBlock(response);
      prefix = '';
      socket.write(headFrames(streamId, FLAG.endStream, answer), 'latin1');
    },
    dataPiece: () => undefined,
    dataEnded: () => undefined,
  });
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => reader.push(chunk));
  socket.write(settingsFrame([[6, 1_000_000]]), 'latin1');
}

beforeAll(async () => {
  server = createServer(serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    settings: { headerTableSize: 0, maxHeaderListSize: 1_000_000 },
    maxHeaderListPairs: 1_000,
  });
});

afterAll(async () => {
  client.destroy();
  await new Promise((resolve) => server.close(resolve));
});

const name = fc.stringMatching(/^x-[a-z0-9-]{0,30}$/);
const value = fc.stringMatching(/^[!-~\x80-\xff]([ -~\x80-\xff]{0,600}[!-~\x80-\xff])?$/);
const fields = fc.array(fc.tuple(name, value), { maxLength: 60 }).map((list) => list.flat());

it('PX-3 heads of any fields, more than a frame of them too, mean the same on both sides', async () => {
  await fc.assert(
    fc.asyncProperty(fields, fields, async (asks, answers) => {
      response = answers;
      const head = [':method', 'GET', ':path', '/', ':scheme', 'http', ':authority', 'a.test'];
      const stream = client.request([...head, ...asks], { endStream: true });
      const [, , raw] = (await once(stream, 'response')) as [unknown, unknown, string[]];
      stream.resume();
      await once(stream, 'close');
      expect(requested).toEqual([...head, ...asks]);
      expect(raw).toEqual([':status', '203', ...answers]);
    }),
    { numRuns: 200 },
  );
});
