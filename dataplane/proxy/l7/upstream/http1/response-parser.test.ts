import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cut, MAX_HEADER_BYTES, parse, type Outcome } from './test/parse.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
/**
 * Which of several faults is found first depends on what is there to be looked at; bytes after a response are a fault when they come
 * later, and make it unclean when they come with it.
 */
const essence = (outcome: Outcome): unknown => ({
  ...outcome,
  isUnclean: false,
  fault: outcome.fault !== null || outcome.isUnclean,
});
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('PX-3 responses', () => {
  it.each<[string, string, Partial<ReturnType<typeof parse>>]>([
    ['Content-Length', `${OK}Content-Length: 5\r\n\r\nhello`, { body: 'hello', isReusable: true }],
    [
      'chunks',
      `${OK}Transfer-Encoding: chunked\r\n\r\n3;a="b c"\r\nhel\r\n002\r\nlo\r\n0\r\n\r\n`,
      { body: 'hello', isReusable: true },
    ],
    [
      'trailers',
      `${OK}Transfer-Encoding: Chunked\r\n\r\n0\r\nX-A: 1\r\nX-B:\t2 \r\n\r\n`,
      { trailers: ['X-A', '1', 'X-B', '2'] },
    ],
    ['an empty body', `${OK}Content-Length: 0\r\n\r\n`, { body: '', isReusable: true }],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na', { body: 'a', isReusable: false }],
    ['HTTP/1.0 kept', 'HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\na', { isReusable: true }],
    [
      'Connection: close',
      `${OK}Connection: x, Close\r\nX: y\r\nContent-Length: 1\r\n\r\na`,
      { fields: ['content-length', '1'], isReusable: false },
    ],
    ['no reason phrase', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', { status: 200, isReusable: true }],
    ['obs-text', `${OK}X: \xe9\r\nContent-Length: 0\r\n\r\n`, { fields: ['x', '\xe9', 'content-length', '0'] }],
    [
      '1xx first',
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}Content-Length: 0\r\n\r\n`,
      { informational: [100, 103], status: 200, isReusable: true },
    ],
    [
      '204 that announces a body',
      'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n',
      { body: '', isReusable: false },
    ],
    ['304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', { status: 304, body: '', isReusable: true }],
    ['bytes after it', `${OK}Content-Length: 1\r\n\r\nabc`, { body: 'a', isReusable: false }],
    [
      'a response after it',
      `${OK}Content-Length: 1\r\n\r\na${OK}Content-Length: 0\r\n\r\n`,
      { body: 'a', isReusable: false },
    ],
  ])('%s', (_name, text, expected) => {
    const outcome = parse([latin1(text)]);
    expect(outcome).toMatchObject({ ...expected, isComplete: true, fault: null });
  });

  it('has no body in answer to HEAD', () => {
    const outcome = parse([latin1(`${OK}Content-Length: 5\r\n\r\n`)], { method: 'HEAD' });
    expect(outcome).toMatchObject({ body: '', isComplete: true, isReusable: true });
  });

  it('without framing lasts until the connection ends', () => {
    expect(parse([latin1(`${OK}\r\nhello`)])).toMatchObject({ body: 'hello', isComplete: false });
    const outcome = parse([latin1(`${OK}\r\nhello`)], { ends: true });
    expect(outcome).toMatchObject({ body: 'hello', isComplete: true, isReusable: false, fault: null });
  });

  it.each([
    ['in the head', OK],
    ['in a Content-Length', `${OK}Content-Length: 5\r\n\r\nhell`],
    ['in chunks', `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`],
    ['in the last chunk', `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n`],
    ['after a 1xx', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ])('that ends %s is broken, never complete', (_name, text) => {
    const outcome = parse([latin1(text)], { ends: true });
    expect(outcome.isComplete).toBe(false);
    expect(outcome.fault).toMatch(/^closed/);
  });
});

/** Responses that two recipients might understand differently, or that are none. */
const BAD: readonly [name: string, text: string][] = [
  ['CL and TE', `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['TE and CL', `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`],
  ['two CLs', `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`],
  ['two equal CLs', `${OK}Content-Length: 5\r\ncontent-length: 5\r\n\r\nhello`],
  ['CL list', `${OK}Content-Length: 5, 5\r\n\r\nhello`],
  ['CL with plus', `${OK}Content-Length: +5\r\n\r\nhello`],
  ['CL with minus', `${OK}Content-Length: -5\r\n\r\nhello`],
  ['CL hex', `${OK}Content-Length: 0x5\r\n\r\nhello`],
  ['CL empty', `${OK}Content-Length:\r\n\r\nhello`],
  ['CL overflow', `${OK}Content-Length: 99999999999999999999\r\n\r\nhello`],
  ['TE twice', `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['TE gzip, chunked', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ['TE identity', `${OK}Transfer-Encoding: identity\r\n\r\n`],
  ['TE obfuscated', `${OK}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`],
  ['TE in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a body of a 1xx', 'HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nhello'],
  ['space before colon', `${OK}X : a\r\n\r\n`],
  ['obs-fold', `${OK}X: a\r\n b\r\n\r\n`],
  ['a line without colon', `${OK}abc\r\n\r\n`],
  ['an empty name', `${OK}: abc\r\n\r\n`],
  ['bare LF after the status line', 'HTTP/1.1 200 OK\nX: a\r\n\r\n'],
  ['bare LF after a field', `${OK}X: a\nY: b\r\n\r\n`],
  ['bare LF at the end', `${OK}X: a\r\n\n`],
  ['bare CR', `${OK}X: a\rb\r\n\r\n`],
  ['NUL', `${OK}X: a\0b\r\n\r\n`],
  ['NUL in a name', `${OK}X\0: b\r\n\r\n`],
  ['DEL', `${OK}X: a\x7fb\r\n\r\n`],
  ['HTTP/0.9', 'hello, world\n'],
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n'],
  ['HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n'],
  ['lower case', 'http/1.1 200 OK\r\n\r\n'],
  ['an empty line first', `\r\n${OK}\r\n`],
  ['two spaces', 'HTTP/1.1  200 OK\r\n\r\n'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ['status 099', 'HTTP/1.1 099 OK\r\n\r\n'],
  ['status 600', 'HTTP/1.1 600 OK\r\n\r\n'],
  ['a head too large', `${OK}X: ${'a'.repeat(MAX_HEADER_BYTES)}\r\n\r\n`],
  ['a head that does not end', 'HTTP/1.1 200 OK\r\n'.padEnd(MAX_HEADER_BYTES + 10, 'X')],
  ['chunk size 0x', `${OK}Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n`],
  ['chunk size with underscore', `${OK}Transfer-Encoding: chunked\r\n\r\n1_0\r\nhello\r\n0\r\n\r\n`],
  ['chunk size with minus', `${OK}Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n`],
  ['chunk size overflow', `${OK}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello`],
  ['no chunk size', `${OK}Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n`],
  ['space after a chunk size', `${OK}Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n`],
  ['bare LF after a chunk size', `${OK}Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n`],
  ['bare LF in an extension', `${OK}Transfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n`],
  ['bare LF after a chunk', `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n`],
  ['a chunk longer than its size', `${OK}Transfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n`],
  [
    'an oversized chunk extension',
    `${OK}Transfer-Encoding: chunked\r\n\r\n5;${'a'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`,
  ],
  ['oversized trailers', `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n${'X: abcdefgh\r\n'.repeat(2000)}\r\n`],
  ['a bad trailer', `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nX : a\r\n\r\n`],
  ['bare LF in trailers', `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nX: a\n\r\n`],
];

describe('PX-25 a bad response breaks the connection and is never complete', () => {
  it.each(BAD)('%s', (_name, text) => {
    const outcome = parse([latin1(text)]);
    expect(outcome.fault).not.toBeNull();
    expect(outcome).toMatchObject({ isComplete: false, isReusable: false });
  });

  it.each(BAD)('%s, byte by byte', (_name, text) => {
    const bytes = latin1(text);
    const pieces = cut(
      bytes,
      Array.from(bytes, (_, i) => i),
    );
    expect(essence(parse(pieces))).toEqual(essence(parse([bytes])));
  });
});

describe('PX-25 any split of the bytes gives the same result', () => {
  const places = fc.array(fc.nat(10_000), { maxLength: 20 });

  it('of good and of bad responses', () => {
    const texts = fc.constantFrom(
      ...BAD.map(([, text]) => text),
      `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n`,
    );
    fc.assert(
      fc.property(texts, places, fc.boolean(), (text, at, ends) => {
        const bytes = latin1(text);
        expect(essence(parse(cut(bytes, at), { ends }))).toEqual(essence(parse([bytes], { ends })));
      }),
      { numRuns: 1000 },
    );
  });

  it('of a response with any bytes changed, dropped and added', () => {
    const base = `HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: u\r\n\r\n`;
    const edit = fc.record({
      at: fc.nat(base.length),
      drop: fc.nat(3),
      add: fc.constantFrom('', '\r', '\n', '\r\n', ' ', ':', '0', '\0', ','),
    });
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 3 }), places, fc.boolean(), (edits, at, ends) => {
        let text = base;
        for (const { at, drop, add } of edits) text = text.slice(0, at) + add + text.slice(at + drop);
        const bytes = latin1(text);
        expect(essence(parse(cut(bytes, at), { ends }))).toEqual(essence(parse([bytes], { ends })));
      }),
      { numRuns: 3000 },
    );
  });
});
