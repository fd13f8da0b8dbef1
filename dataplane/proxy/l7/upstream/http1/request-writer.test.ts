import { describe, expect, it } from 'vitest';
import type { OutboundRequest } from '../call.ts';
import { requestHead } from './request-writer.ts';

const REQUEST: OutboundRequest = {
  method: 'GET',
  path: '/',
  authority: 'app.test',
  fields: ['Accept', '*/*', 'X-Latin', '\xe9'],
  contentLength: null,
  body: null,
  isGrpc: false,
  acceptsTrailers: false,
  isUpgrade: false,
  trailers: () => null,
};

describe('PX-25 the head of a request to a backend', () => {
  it('is what was asked for', () => {
    expect(requestHead(REQUEST)).toBe('GET / HTTP/1.1\r\nHost: app.test\r\nAccept: */*\r\nX-Latin: \xe9\r\n\r\n');
    expect(requestHead({ ...REQUEST, isUpgrade: true })).toContain('\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n');
  });

  it.each<[string, Partial<OutboundRequest>]>([
    ['a line break in a value', { fields: ['X', 'a\r\nY: b'] }],
    ['a bare LF in a value', { fields: ['X', 'a\nb'] }],
    ['NUL in a value', { fields: ['X', 'a\0b'] }],
    ['a character that is no latin-1', { fields: ['X', '\u010d'] }],
    ['a character that would be cut down to a line break', { fields: ['X', '\u010a'] }],
    ['a line break in a name', { fields: ['X\r\nY', 'a'] }],
    ['a space in a name', { fields: ['X ', 'a'] }],
    ['an empty name', { fields: ['', 'a'] }],
    ['a line break in the path', { path: '/\r\nX: y' }],
    ['a line break in the host', { authority: 'app.test\r\nX: y' }],
  ])('is never written with %s', (_name, change) => {
    expect(requestHead({ ...REQUEST, ...change })).toBeNull();
  });
});
