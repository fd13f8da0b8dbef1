import { describe, expect, it } from 'vitest';
import { writeInformationalHead, writeResponseHead, writeTrailers, type ResponsePlan } from './response-head.ts';

const PLAN: ResponsePlan = {
  status: 200,
  fields: ['date', 'Thu, 01 Jan 1970 00:00:00 GMT', 'x', 'y'],
  answersHead: false,
  hasBody: true,
  isHttp11: true,
  persistence: 'default',
};
const sized = (length: string): string[] => [...PLAN.fields, 'content-length', length];

describe('the head of a response', () => {
  it.each<[string, Partial<ResponsePlan>, string, string]>([
    ['a body of unknown length', {}, 'chunked', 'transfer-encoding: chunked\r\n'],
    ['the same in HTTP/1.0', { isHttp11: false, persistence: 'close' }, 'until-close', 'connection: close\r\n'],
    ['a body of known length', { fields: sized('5') }, 'length', 'content-length: 5\r\n'],
    ['no body', { hasBody: false }, 'none', 'content-length: 0\r\n'],
    ['no body, and said so', { hasBody: false, fields: sized('0') }, 'none', 'content-length: 0\r\n'],
    ['the answer to HEAD', { hasBody: false, answersHead: true }, 'none', 'x: y\r\n'],
    [
      'the answer to HEAD with a length',
      { hasBody: false, answersHead: true, fields: sized('5') },
      'none',
      'content-length: 5\r\n',
    ],
    ['204 with a length', { status: 204, hasBody: false, fields: sized('5') }, 'none', 'x: y\r\n'],
    ['304 without one', { status: 304, hasBody: false }, 'none', 'x: y\r\n'],
  ])('PX-3 %s', (_name, change, framing, last) => {
    const head = writeResponseHead({ ...PLAN, ...change });
    expect(head.framing).toBe(framing);
    expect(head.text.endsWith(`\r\n${last}\r\n`), head.text).toBe(true);
    expect(head.text.match(/content-length|transfer-encoding/g) ?? []).toHaveLength(
      /^(content|transfer)/.test(last) ? 1 : 0,
    );
  });

  it.each([
    ['a line break in a value', ['x', 'a\r\nb: c']],
    ['NUL in a value', ['x', '\0']],
    ['a character that would be cut down to a line break', ['x', '\u010a']],
    ['a space in a name', ['x ', 'a']],
    ['no name', ['', 'a']],
  ])('PX-25 is never written with %s', (_name, fields) => {
    expect(() => writeResponseHead({ ...PLAN, fields })).toThrow("can't be sent");
    expect(() => writeInformationalHead(103, fields)).toThrow("can't be sent");
    expect(() => writeTrailers(fields)).toThrow("can't be sent");
  });

  it.each([
    ['no number', ['content-length', 'abc']],
    ['a sign', ['content-length', '+5']],
    ['two', ['content-length', '5', 'content-length', '5']],
  ])('PX-25 is never written with a Content-Length that is %s', (_name, fields) => {
    expect(() => writeResponseHead({ ...PLAN, fields })).toThrow('content-length');
  });
});
