import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { HeadBuffer } from '../http1/head-buffer.ts';
import { normaliseHead } from '../request-head.ts';
import { SETTINGS } from '../test/harness.ts';
import { readRequest } from './request-line.ts';
import { RequestSource } from './request-source.ts';

interface Read {
  readonly method: string;
  readonly target: string;
  readonly raw: readonly string[];
  readonly body: string;
}

/** The first request in the bytes as we read it; null when it is refused or not whole. */
function byUs(bytes: Buffer): Read | null {
  const buffer = new HeadBuffer(SETTINGS.maxHeaderBytes);
  const at = buffer.push(bytes, 0);
  const head = at < 0 ? 'partial' : readRequest(buffer.text);
  if (typeof head === 'string') return null;
  const normal = normaliseHead(head, SETTINGS);
  if (normal.kind === 'refused') return null;
  const { method, target, raw } = head;
  if (!normal.head.hasBody) return { method, target, raw, body: '' };
  const source = new RequestSource(normal.head.contentLength, () => undefined);
  if (at < bytes.length) source.receive(bytes, at);
  if (!source.isComplete) return null;
  return { method, target, raw, body: (source.read() as Buffer | null)?.toString('latin1') ?? '' };
}

const requests: Read[] = [];
const server = createServer({ requireHostHeader: false }, (request: IncomingMessage, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
  request.on('error', () => request.destroy());
  request.on('end', () => {
    requests.push({ method: request.method ?? '', target: request.url ?? '', raw: request.rawHeaders, body });
    response.end();
  });
});

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => void server.close());

/** The first request as Node's own server reads it, in strict mode. */
async function byNode(bytes: Buffer): Promise<Read | null> {
  requests.length = 0;
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => socket.destroy());
  socket.resume();
  socket.end(bytes);
  await new Promise((resolve) => socket.once('close', resolve));
  return requests[0] ?? null;
}

const BASES = [
  'GET /a?b HTTP/1.1\r\nHost: app.test\r\nX-A: b\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\nhello',
  'PUT / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: u\r\n\r\n',
];

it('PX-25 a request that we accept, Node’s own parser reads in the same way', async () => {
  const add = fc.constantFrom(
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
  );
  const edit = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), drop: fc.nat(2), add });
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...BASES), fc.array(edit, { maxLength: 2 }), async (base, edits) => {
      let text = base;
      for (const { at, drop, add } of edits) {
        const place = Math.floor(at * text.length);
        text = text.slice(0, place) + add + text.slice(place + drop);
      }
      const bytes = Buffer.from(text, 'latin1');
      const ours = byUs(bytes);
      if (!ours) return;
      accepted++;
      expect(await byNode(bytes), JSON.stringify(text)).toEqual(ours);
    }),
    { numRuns: 600 },
  );
  expect(accepted).toBeGreaterThan(20);
});
