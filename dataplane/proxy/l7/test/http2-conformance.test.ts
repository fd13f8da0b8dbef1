import { createServer } from 'node:http';
import { constants } from 'node:http2';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  data,
  FLAG,
  frame,
  get,
  hpack,
  openWire,
  post,
  requestFields,
  rst,
  setting,
  TYPE,
  windowUpdate,
} from './h2-wire.ts';
import { createRig, listenOn, type Rig } from './harness.ts';

/** The rules of RFC 9113 and RFC 7541 for what a client sends, by section. */

const {
  NGHTTP2_COMPRESSION_ERROR,
  NGHTTP2_FLOW_CONTROL_ERROR,
  NGHTTP2_FRAME_SIZE_ERROR,
  NGHTTP2_PROTOCOL_ERROR,
  NGHTTP2_STREAM_CLOSED,
} = constants;
const PUSH_PROMISE = 5;
const NOTHING = Buffer.alloc(0);

let rig: Rig;
let backend: Awaited<ReturnType<typeof listenOn>>;
let asked: string[] = [];

beforeAll(async () => {
  rig = await createRig();
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      asked.push(`${request.method} ${body}`);
      response.end('hello');
    });
  });
  backend = await listenOn(server);
  await rig.addRoute('app.test', backend.address);
});

afterAll(async () => {
  expect(rig.failures).toEqual([]);
  await rig[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

beforeEach(() => {
  asked = [];
  rig.refusals.length = 0;
});

const head = (flags: number, id: number, block = hpack(requestFields('GET'))): Buffer =>
  frame(TYPE.headers, flags, id, block);
const END = FLAG.endHeaders | FLAG.endStream;
const uint40 = (streamId: number): Buffer => Buffer.from([0, 0, 0, streamId, 0]);

describe('connection errors', () => {
  it.each<[string, Buffer[], number]>([
    ['§4.2 a frame above SETTINGS_MAX_FRAME_SIZE', [post(1), data(1, 'a'.repeat(16_385))], NGHTTP2_FRAME_SIZE_ERROR],
    ['§4.3 a head that is no HPACK', [head(END, 1, Buffer.alloc(8, 0xff))], NGHTTP2_COMPRESSION_ERROR],
    ['§4.3 PRIORITY inside a head', [head(0, 1), frame(TYPE.priority, 0, 3, Buffer.alloc(5))], NGHTTP2_PROTOCOL_ERROR],
    ['§4.3 another head inside a head', [head(0, 1), head(END, 3)], NGHTTP2_PROTOCOL_ERROR],
    ['§5.1 DATA on an idle stream', [data(1, 'x')], NGHTTP2_PROTOCOL_ERROR],
    ['§5.1 RST_STREAM on an idle stream', [rst(1)], NGHTTP2_PROTOCOL_ERROR],
    ['§5.1 WINDOW_UPDATE on an idle stream', [windowUpdate(1, 1)], NGHTTP2_PROTOCOL_ERROR],
    ['§5.1.1 an even stream id', [head(END, 2)], NGHTTP2_PROTOCOL_ERROR],
    ['§6.1 DATA on stream 0', [data(0, 'x')], NGHTTP2_PROTOCOL_ERROR],
    [
      '§6.1 more padding than DATA',
      [post(1), frame(TYPE.data, FLAG.padded, 1, Buffer.from([9, 1]))],
      NGHTTP2_PROTOCOL_ERROR,
    ],
    ['§6.2 HEADERS on stream 0', [head(END, 0)], NGHTTP2_PROTOCOL_ERROR],
    [
      '§6.2 more padding than HEADERS',
      [frame(TYPE.headers, END | FLAG.padded, 1, Buffer.from([9, 1]))],
      NGHTTP2_PROTOCOL_ERROR,
    ],
    ['§6.3 PRIORITY on stream 0', [frame(TYPE.priority, 0, 0, Buffer.alloc(5))], NGHTTP2_PROTOCOL_ERROR],
    ['§5.3.1 an idle stream that depends on itself', [frame(TYPE.priority, 0, 9, uint40(9))], NGHTTP2_PROTOCOL_ERROR],
    ['§6.4 RST_STREAM on stream 0', [rst(0)], NGHTTP2_PROTOCOL_ERROR],
    ['§6.4 RST_STREAM of 3 bytes', [post(1), frame(TYPE.rstStream, 0, 1, Buffer.alloc(3))], NGHTTP2_FRAME_SIZE_ERROR],
    [
      '§6.5 an acknowledgement with settings',
      [frame(TYPE.settings, FLAG.ack, 0, setting(4, 1))],
      NGHTTP2_FRAME_SIZE_ERROR,
    ],
    ['§6.5 SETTINGS on a stream', [frame(TYPE.settings, 0, 1, setting(4, 1))], NGHTTP2_PROTOCOL_ERROR],
    ['§6.5 SETTINGS of 7 bytes', [frame(TYPE.settings, 0, 0, Buffer.alloc(7))], NGHTTP2_FRAME_SIZE_ERROR],
    ['§6.5.2 ENABLE_PUSH of 2', [frame(TYPE.settings, 0, 0, setting(2, 2))], NGHTTP2_PROTOCOL_ERROR],
    [
      '§6.5.2 INITIAL_WINDOW_SIZE above 2^31-1',
      [frame(TYPE.settings, 0, 0, setting(4, 2 ** 31))],
      NGHTTP2_FLOW_CONTROL_ERROR,
    ],
    ['§6.5.2 MAX_FRAME_SIZE below 16384', [frame(TYPE.settings, 0, 0, setting(5, 16_383))], NGHTTP2_PROTOCOL_ERROR],
    ['§6.5.2 MAX_FRAME_SIZE above 2^24-1', [frame(TYPE.settings, 0, 0, setting(5, 2 ** 24))], NGHTTP2_PROTOCOL_ERROR],
    [
      '§6.6 PUSH_PROMISE of a client',
      [post(1), frame(PUSH_PROMISE, FLAG.endHeaders, 1, Buffer.alloc(8))],
      NGHTTP2_PROTOCOL_ERROR,
    ],
    ['§6.7 PING on a stream', [frame(TYPE.ping, 0, 1, Buffer.alloc(8))], NGHTTP2_PROTOCOL_ERROR],
    ['§6.7 PING of 6 bytes', [frame(TYPE.ping, 0, 0, Buffer.alloc(6))], NGHTTP2_FRAME_SIZE_ERROR],
    ['§6.8 GOAWAY on a stream', [frame(TYPE.goaway, 0, 1, Buffer.alloc(8))], NGHTTP2_PROTOCOL_ERROR],
    ['§6.9 WINDOW_UPDATE of 0', [windowUpdate(0, 0)], NGHTTP2_PROTOCOL_ERROR],
    ['§6.9 WINDOW_UPDATE of 3 bytes', [frame(TYPE.windowUpdate, 0, 0, Buffer.alloc(3))], NGHTTP2_FRAME_SIZE_ERROR],
    ['§6.10 CONTINUATION of nothing', [frame(TYPE.continuation, FLAG.endHeaders, 1, NOTHING)], NGHTTP2_PROTOCOL_ERROR],
    [
      '§6.10 CONTINUATION on stream 0',
      [head(0, 1), frame(TYPE.continuation, FLAG.endHeaders, 0)],
      NGHTTP2_PROTOCOL_ERROR,
    ],
    ['RFC 7541 §6.1 index 0', [head(END, 1, Buffer.from([0x80]))], NGHTTP2_COMPRESSION_ERROR],
    [
      'RFC 7541 §2.3.3 an index beyond the tables',
      [head(END, 1, Buffer.from([0xff, 0x00]))],
      NGHTTP2_COMPRESSION_ERROR,
    ],
    [
      'RFC 7541 §6.3 a table above the limit',
      [head(END, 1, Buffer.from([0x3f, 0xff, 0xff, 0x03]))],
      NGHTTP2_COMPRESSION_ERROR,
    ],
    [
      'RFC 7541 §5.2 a Huffman code that ends in EOS',
      [head(END, 1, Buffer.from([0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x01, 0x61]))],
      NGHTTP2_COMPRESSION_ERROR,
    ],
  ])('%s', async (_name, frames, code) => {
    using client = await openWire(rig);
    client.send(...frames);
    expect(await client.goaway()).toBe(code);
    await client.closed;
    await rig.refused(1);
    expect(rig.refusals.map((refusal) => refusal.reason)).toEqual(['request_invalid']);
    expect(asked).toEqual([]);
  });
});

describe('frames for streams that are over', () => {
  it.each<[string, Buffer[], number]>([
    ['§5.1 DATA', [data(1, 'x')], NGHTTP2_STREAM_CLOSED],
    ['§5.1 HEADERS', [get(1)], NGHTTP2_STREAM_CLOSED],
    ['§5.1.1 HEADERS of a stream that was left out', [get(9), get(5)], NGHTTP2_PROTOCOL_ERROR],
  ])('%s: GOAWAY', async (_name, frames, code) => {
    using client = await openWire(rig);
    client.send(get(1));
    await client.frame((one) => one.streamId === 1 && (one.flags & FLAG.endStream) !== 0);
    client.send(...frames);
    expect(await client.goaway()).toBe(code);
    await client.closed;
  });

  it('§5.1 what comes for a stream that was reset by us is dropped, its DATA counted', async () => {
    using client = await openWire(rig);
    client.send(get(1, [['X-Upper', '1']]));
    expect(await client.reset(1)).toBe(NGHTTP2_PROTOCOL_ERROR);
    // More than the connection's window: what is dropped is given back.
    const dropped = data(1, 'x'.repeat(16_384));
    for (let i = 0; i < 100; i++) {
      client.send(dropped);
      if (i === 40) await client.frame((one) => one.type === TYPE.windowUpdate && one.payload.readUInt32BE() < 983_041);
    }
    client.send(rst(1), windowUpdate(1, 1), get(3));
    expect(await client.status(3)).toBe(200);
    expect(asked).toEqual(['GET ']);
  });
});

describe('requests that are none: an error of the stream or 400, and the connection serves on', () => {
  const plain = requestFields('GET');
  const without = (name: string) => plain.filter(([field]) => field !== name);
  it.each([
    ['§8.2 upper case', [...plain, ['X-Upper', '1']]],
    ['§8.2.1 a NUL in a value', [...plain, ['x-evil', 'a\0b']]],
    ['§8.2.1 a line end in a value', [...plain, ['x-evil', 'a\r\nx-more: b']]],
    ['§8.2.1 a space at the end of a value', [...plain, ['x-evil', 'a ']]],
    ['§8.2.1 a space in a name', [...plain, ['x evil', '1']]],
    ['§8.2.1 a colon in a name', [...plain, ['x:evil', '1']]],
    ['§8.2.1 no name', [...plain, ['', '1']]],
    ['§8.2.2 Connection', [...plain, ['connection', 'keep-alive']]],
    ['§8.2.2 Proxy-Connection', [...plain, ['proxy-connection', 'keep-alive']]],
    ['§8.2.2 Transfer-Encoding', [...plain, ['transfer-encoding', 'chunked']]],
    ['§8.2.2 Upgrade', [...plain, ['upgrade', 'h2c']]],
    ['§8.2.2 TE other than trailers', [...plain, ['te', 'trailers, deflate']]],
    ['§8.3 an unknown pseudo-header', [...plain, [':test', '1']]],
    ['§8.3 a pseudo-header of responses', [...plain, [':status', '200']]],
    ['§8.3 a pseudo-header after a field', [['x-a', '1'], ...plain]],
    ['§8.3.1 no :method', without(':method')],
    ['§8.3.1 no :scheme', without(':scheme')],
    ['§8.3.1 no :path', without(':path')],
    ['§8.3.1 no :authority and no Host', without(':authority')],
    ['§8.3.1 an empty :path', [...without(':path'), [':path', '']]],
    ['§8.3.1 two :method', [...plain, [':method', 'GET']]],
    ['§8.3.1 two :path', [...plain, [':path', '/']]],
    ['§8.3.1 two :authority', [...plain, [':authority', 'app.test']]],
    ['§8.5 CONNECT with a :path', [[':method', 'CONNECT'], ...without(':method')]],
  ] as [string, [string, string][]][])('%s', async (_name, fields) => {
    using client = await openWire(rig);
    client.send(head(END, 1, hpack(fields)), get(3));
    expect(await client.status(3)).toBe(200);
    const [first] = client.frames.filter((one) => one.streamId === 1);
    if (first?.type === TYPE.headers) expect(await client.status(1)).toBe(400);
    else expect(await client.reset(1)).toBe(NGHTTP2_PROTOCOL_ERROR);
    expect(asked).toEqual(['GET ']);
  });

  it.each([
    ['§8.1 a second head that does not end the stream', [head(FLAG.endHeaders, 1, hpack([['x-a', '1']]))]],
    ['§8.1 a pseudo-header in trailers', [head(END, 1, hpack([[':method', 'GET']]))]],
    ['§8.1.1 a body shorter than its content-length', [data(1, 'he', FLAG.endStream)]],
    ['§8.1.1 a body longer than its content-length', [data(1, 'hello')]],
    ['§5.3.1 a stream that depends on itself', [frame(TYPE.priority, 0, 1, Buffer.from([0, 0, 0, 1, 0])), rst(1)]],
  ])('%s', async (_name, frames) => {
    using client = await openWire(rig);
    client.send(post(1, [['content-length', '3']]), ...frames, get(3));
    expect(await client.status(3)).toBe(200);
    expect(asked).toEqual(['GET ']);
  });
});

describe('what is to be taken', () => {
  it.each<[string, Buffer[], string]>([
    ['§4.1 a frame of an unknown type', [frame(0x16, 0xff, 0, Buffer.alloc(8)), get(1)], 'GET '],
    ['§4.1 flags nobody knows', [frame(TYPE.ping, 0x16, 0, Buffer.alloc(8)), get(1)], 'GET '],
    [
      '§5.5 a frame of an unknown type on a stream',
      [post(1), frame(0x16, 0, 1), data(1, 'x', FLAG.endStream)],
      'POST x',
    ],
    ['§6.5.2 an unknown setting', [frame(TYPE.settings, 0, 0, setting(0xff, 1)), get(1)], 'GET '],
    [
      '§6.1 padding',
      [post(1), frame(TYPE.data, FLAG.padded | FLAG.endStream, 1, Buffer.from([2, 0x61, 0, 0]))],
      'POST a',
    ],
    ['§6.1 DATA without data', [post(1), data(1, ''), data(1, 'a'), data(1, '', FLAG.endStream)], 'POST a'],
    [
      '§6.2 a head with priority and padding, in pieces',
      [
        frame(TYPE.headers, FLAG.padded | FLAG.priority | FLAG.endStream, 1, Buffer.from([1, 0, 0, 0, 0, 15, 0])),
        frame(TYPE.continuation, 0, 1, hpack(requestFields('GET').slice(0, 2))),
        frame(TYPE.continuation, FLAG.endHeaders, 1, hpack(requestFields('GET').slice(2))),
      ],
      'GET ',
    ],
    ['§8.1 trailers', [post(1), data(1, 'a'), head(END, 1, hpack([['x-sum', '1']]))], 'POST a'],
    // Not to be answered.
    ['§6.7 an acknowledgement of no PING', [frame(TYPE.ping, FLAG.ack, 0, Buffer.alloc(8)), get(1)], 'GET '],
    ['§5.1 PRIORITY on an idle stream', [frame(TYPE.priority, 0, 9, Buffer.alloc(5)), get(1)], 'GET '],
    [
      'RFC 7541 §6.3 a smaller table',
      [head(END, 1, Buffer.concat([Buffer.from([0x20]), hpack(requestFields('GET'))]))],
      'GET ',
    ],
  ])('%s', async (_name, frames, request) => {
    using client = await openWire(rig);
    client.send(...frames);
    expect(await client.status(1)).toBe(200);
    expect(asked).toEqual([request]);
    expect(rig.refusals).toEqual([]);
  });

  it('§6.7 a PING is answered with what it said, §6.5.3 SETTINGS are acknowledged', async () => {
    using client = await openWire(rig);
    client.send(frame(TYPE.ping, 0, 0, Buffer.from('12345678')));
    const pong = await client.frame((one) => one.type === TYPE.ping);
    expect([pong.flags, pong.payload.toString()]).toEqual([FLAG.ack, '12345678']);
    await client.frame((one) => one.type === TYPE.settings && one.flags === FLAG.ack);
  });

  it('§6.9 a response is sent as far as the window reaches', async () => {
    using client = await openWire(rig, setting(4, 2));
    client.send(get(1));
    const first = await client.frame((one) => one.type === TYPE.data);
    expect(first.payload.toString()).toBe('he');
    client.send(windowUpdate(1, 100));
    const last = await client.frame((one) => one.type === TYPE.data && (one.flags & FLAG.endStream) !== 0);
    expect(`he${last.payload.toString()}`).toBe('hello');
  });
});
