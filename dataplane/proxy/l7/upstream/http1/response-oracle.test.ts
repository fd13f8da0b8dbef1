import { once } from 'node:events';
import { request } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from './test/parse.ts';

/** The response that the server below sends next, before it closes the connection. */
let answer: Buffer;
const server = createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.once('data', () => socket.end(answer));
});

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => void server.close());

interface Read {
  readonly status: number;
  readonly body: string;
  readonly fields: Record<string, string>;
  readonly trailers: readonly string[];
}

/** What Node's own client makes of the bytes: null when it finds them bad or cut short. */
async function byNode(bytes: Buffer): Promise<Read | null> {
  answer = bytes;
  const { port } = server.address() as AddressInfo;
  const { promise, resolve } = Promise.withResolvers<Read | null>();
  const outgoing = request({ port, host: '127.0.0.1', agent: false }, (response) => {
    let body = '';
    response.setEncoding('latin1');
    response.on('data', (text: string) => (body += text));
    response.on('error', () => resolve(null));
    response.on('close', () => {
      const { rawHeaders: raw } = response;
      const fields = Object.fromEntries(
        raw.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), raw[i + 1] ?? '']] : [])),
      );
      resolve(
        response.complete ? { status: response.statusCode ?? 0, body, fields, trailers: response.rawTrailers } : null,
      );
    });
  });
  outgoing.on('error', () => resolve(null));
  outgoing.on('upgrade', (_response, socket) => (socket.destroy(), resolve(null)));
  outgoing.end();
  return promise;
}

const BASES = [
  'HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: u\r\n\r\n',
  'HTTP/1.0 404 Not Found\r\nX-A: b\r\n\r\nhello',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n',
];

it('PX-25 what our parser accepts, the one of Node reads in the same way', async () => {
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    drop: fc.nat(2),
    add: fc.constantFrom(
      '',
      '\r',
      '\n',
      '\r\n',
      ' ',
      ':',
      '0',
      '5',
      'a',
      '\t',
      ';',
      ',',
      '\0',
      '\x80',
      'Content-Length: 3\r\n',
    ),
  });
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...BASES), fc.array(edit, { maxLength: 2 }), async (base, edits) => {
      let text = base;
      for (const { at, drop, add } of edits) {
        const place = Math.floor(at * text.length);
        text = text.slice(0, place) + add + text.slice(place + drop);
      }
      const bytes = Buffer.from(text, 'latin1');
      const ours = parse([bytes], { ends: true });
      if (!ours.isComplete || ours.isUnclean || ours.fault !== null) return;
      accepted++;
      const theirs = await byNode(bytes);
      expect(theirs, text).not.toBeNull();
      expect({ status: ours.status, body: ours.body, trailers: ours.trailers }).toEqual({
        status: theirs?.status,
        body: theirs?.body,
        trailers: theirs?.trailers,
      });
      for (let i = 0; i < ours.fields.length; i += 2) {
        expect(theirs?.fields[ours.fields[i] ?? '']).toBe(ours.fields[i + 1]);
      }
    }),
    { numRuns: 600 },
  );
  expect(accepted).toBeGreaterThan(20);
});
