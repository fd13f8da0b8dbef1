import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normaliseHead, type RawHead } from './request-head.ts';
import { SETTINGS } from './test/harness.ts';

const HTTP1: RawHead = {
  protocol: 'http1',
  version: '1.1',
  method: 'POST',
  target: '/',
  authority: null,
  raw: ['Host', 'app.test'],
  fieldsFrom: 0,
  endsStream: false,
};
const reasonFor = (head: Partial<RawHead>, settings = SETTINGS): string => {
  const normal = normaliseHead({ ...HTTP1, ...head }, settings);
  return normal.kind === 'refused' ? normal.refusal.detail || normal.refusal.reason : 'good';
};
const withFields = (...fields: string[]): Partial<RawHead> => ({ raw: ['Host', 'app.test', ...fields] });

describe('normaliseHead stands without the parsers below it', () => {
  it.each<[string, Partial<RawHead>]>([
    ['Content-Length and Transfer-Encoding', withFields('Content-Length', '1', 'Transfer-Encoding', 'chunked')],
    ['more than one Content-Length', withFields('Content-Length', '1', 'Content-Length', '1')],
    ['Content-Length', withFields('Content-Length', '+1')],
    ['Content-Length', withFields('Content-Length', '')],
    ['Content-Length', withFields('Content-Length', '1, 1')],
    ['Content-Length', withFields('Content-Length', '9999999999999999')],
    ['Transfer-Encoding', withFields('Transfer-Encoding', 'chunked', 'transfer-encoding', 'chunked')],
    ['Transfer-Encoding', withFields('Transfer-Encoding', 'gzip, chunked')],
    ['Transfer-Encoding', withFields('Transfer-Encoding', '\tchunked')],
    ['Transfer-Encoding in HTTP/1.0', { ...withFields('Transfer-Encoding', 'chunked'), version: '1.0' }],
    [
      'Transfer-Encoding over HTTP/2',
      { ...withFields('transfer-encoding', 'chunked'), protocol: 'http2', version: '2.0' },
    ],
    ['HTTP version', { version: '2.0' }],
    ['CONNECT', { method: 'CONNECT' }],
    ['method', { method: 'GE T' }],
    ['request target', { target: '*' }],
    ['request target', { target: '/a b' }],
    ['request target', { target: '/a#b' }],
    ['request target', { target: '/a\u0100' }],
    ['request target', { target: 'http://app.test/#' }],
    ['Host and request target differ', { target: 'http://b.test/' }],
    ['no Host', { raw: [] }],
    ['more than one Host', { raw: ['Host', 'app.test', 'host', 'app.test'] }],
    ['Host', { raw: ['Host', 'a b'] }],
    ['Host and :authority differ', { protocol: 'http2', version: '2.0', authority: 'b.test' }],
    ['limit_header_bytes', withFields('X', 'a'.repeat(40_000))],
    ['101 fields', { raw: ['Host', 'app.test', ...Array.from({ length: 200 }, () => 'x')] }],
  ])('%s', (detail, head) => expect(reasonFor(head)).toBe(detail));

  it('knows bodies by their framing', () => {
    const bodyOf = (head: Partial<RawHead>): unknown => {
      const normal = normaliseHead({ ...HTTP1, ...head }, SETTINGS);
      return normal.kind === 'head' ? [normal.head.hasBody, normal.head.contentLength] : normal;
    };
    expect(bodyOf({})).toEqual([false, null]);
    expect(bodyOf(withFields('Content-Length', '0'))).toEqual([false, null]);
    expect(bodyOf(withFields('Content-Length', '5'))).toEqual([true, 5]);
    expect(bodyOf(withFields('Transfer-Encoding', 'Chunked'))).toEqual([true, null]);
    expect(bodyOf({ protocol: 'http2', version: '2.0', authority: 'app.test' })).toEqual([true, null]);
    expect(bodyOf({ protocol: 'http2', version: '2.0', authority: 'app.test', endsStream: true })).toEqual([
      false,
      null,
    ]);
  });

  it('turns absolute-form into origin-form', () => {
    const pathOf = (target: string): unknown => {
      const normal = normaliseHead({ ...HTTP1, target }, SETTINGS);
      return normal.kind === 'head' ? normal.head.path : normal.refusal.detail;
    };
    expect(pathOf('HTTPS://APP.test:443/a?b')).toBe('/a?b');
    expect(pathOf('http://app.test')).toBe('/');
    expect(pathOf('http://app.test?q')).toBe('/?q');
  });

  it('never throws, and what it lets through has one host and an origin-form path', () => {
    const text = fc.string({ unit: 'binary', maxLength: 30 });
    fc.assert(
      fc.property(
        text,
        text,
        fc.array(text, { maxLength: 8 }),
        fc.constantFrom('http1', 'http2'),
        (method, target, raw, protocol) => {
          const normal = normaliseHead(
            {
              ...HTTP1,
              method: method || 'GET',
              target: `/${target}`,
              raw: ['Host', 'app.test', ...raw],
              protocol: protocol as 'http1',
            },
            SETTINGS,
          );
          if (normal.kind === 'head') expect(normal.head.path).toMatch(/^\/[^\s#\0]*$/);
        },
      ),
    );
  });
});
