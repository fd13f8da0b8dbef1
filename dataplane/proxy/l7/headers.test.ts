import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addHopHeaders, readRequestFields, readResponseFields, readTrailers } from './headers.ts';

const HOP = { clientIp: '203.0.113.7', host: 'app.test', requestId: 'id-1', append: false };
const names = (fields: readonly string[]): string[] =>
  fields.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());

/** `name: value` texts as a raw list. */
const list = (...fields: string[]): string[] =>
  fields.flatMap((field) => [field.slice(0, field.indexOf(': ')), field.slice(field.indexOf(': ') + 2)]);

describe('request fields', () => {
  it('PX-5 drops every spelling by which a client names itself, and sets ours last', () => {
    const fields = readRequestFields(
      list(
        'X-Forwarded-For: 1.1.1.1',
        'x_forwarded_for: 1.1.1.1',
        'X-Forwarded_For: 1.1.1.1',
        'X-Real-IP: 1.1.1.1',
        'X_REAL_IP: 1.1.1.1',
        'Forwarded: for=1.1.1.1',
        'X-Forwarded-Proto: http',
        'X-Forwarded-Host: evil',
        'X-Forwarded-Port: 1',
        'x_forwarded_whatever: 1',
        'X-Request-Id: mine',
        'X_Request_Id: mine',
        'Accept: */*',
      ),
    );
    addHopHeaders(fields, HOP);
    expect(fields.forward).toEqual(
      list(
        'Accept: */*',
        'X-Forwarded-For: 203.0.113.7',
        'X-Real-IP: 203.0.113.7',
        'X-Forwarded-Proto: https',
        'X-Forwarded-Host: app.test',
        'X-Request-Id: id-1',
      ),
    );
  });

  it('PX-5 appends to the chain of a trusted hop', () => {
    const fields = readRequestFields(
      list('X-Forwarded-For: 1.1.1.1', 'X-Forwarded-For: 2.2.2.2', 'x_forwarded_host: evil'),
    );
    addHopHeaders(fields, { ...HOP, append: true });
    expect(fields.forward.slice(0, 8)).toEqual(
      list(
        'X-Forwarded-For: 1.1.1.1, 2.2.2.2, 203.0.113.7',
        'X-Real-IP: 203.0.113.7',
        'X-Forwarded-Proto: https',
        'X-Forwarded-Host: app.test',
      ),
    );
  });

  it('drops the fields of one hop and those that Connection names', () => {
    const fields = readRequestFields(
      list(
        'Connection: close, X-A',
        'connection:  x-b ,Cookie',
        'X-A: 1',
        'X-B: 2',
        'X-C: 3',
        'Cookie: a',
        'Keep-Alive: timeout=5',
        'Proxy-Connection: keep-alive',
        'TE: gzip;q=1, trailers',
        'Upgrade: h2c',
        'HTTP2-Settings: AAA',
        'Trailer: X',
        'Proxy: http://evil',
        'Expect: 100-continue',
      ),
    );
    expect(fields.forward).toEqual(['X-C', '3']);
    expect(fields).toMatchObject({ acceptsTrailers: true, upgrade: 'h2c', expect: '100-continue' });
  });

  it('PX-13 a User-Agent sent twice is judged whole', () => {
    const { userAgent } = readRequestFields(list('User-Agent: harmless', 'user-agent: zgrab/0.x'));
    expect(userAgent).toBe('harmless, zgrab/0.x');
  });

  it('joins cookie crumbs and counts them one by one', () => {
    const fields = readRequestFields(list(':method: GET', 'cookie: a=1', 'x: y', 'cookie: b=2'), 2);
    expect(fields.forward).toEqual(['cookie', 'a=1; b=2', 'x', 'y']);
    expect(fields.count).toBe(3);
  });

  it('whatever comes, the client is named once and by us', () => {
    const name = fc.constantFrom(
      'X-Forwarded-For',
      'x_forwarded-for',
      'X-REAL-IP',
      'x_real_ip',
      'Connection',
      'Accept',
      'Forwarded',
    );
    const value = fc.constantFrom('1.1.1.1', 'X-Forwarded-For, X-Real-IP', 'x-forwarded-for', 'close', '');
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), fc.boolean(), (pairs, append) => {
        const fields = readRequestFields(pairs.flat());
        addHopHeaders(fields, { ...HOP, append });
        const seen = names(fields.forward).map((name) => name.replaceAll('_', '-'));
        for (const ours of ['x-forwarded-for', 'x-real-ip', 'x-forwarded-proto', 'x-forwarded-host', 'x-request-id']) {
          expect(seen.filter((name) => name === ours)).toHaveLength(1);
        }
        const at = names(fields.forward).indexOf('x-forwarded-for');
        expect(fields.forward[at * 2 + 1]).toMatch(/(^|, )203\.0\.113\.7$/);
      }),
    );
  });
});

describe('response fields', () => {
  it('are those that are not of one hop, in both forms', () => {
    const raw = list(
      'Connection: X-A',
      'X-A: 1',
      'Set-Cookie: a',
      'Set-Cookie: b',
      'Transfer-Encoding: chunked',
      'Upgrade: h2',
    );
    expect(readResponseFields(raw)).toEqual(['set-cookie', 'a', 'set-cookie', 'b']);
  });
});

describe('trailers', () => {
  it('carry no framing, routing, credentials or client names', () => {
    expect(
      readTrailers(
        list(
          'Grpc-Status: 0',
          'Content-Length: 5',
          'Host: evil',
          'X-Forwarded-For: 1.1.1.1',
          'X_Real_IP: 1.1.1.1',
          'Authorization: x',
          'Set-Cookie: a',
          'Transfer-Encoding: chunked',
          'X-Sum: 1',
          ':status: 200',
        ),
      ),
    ).toEqual(['grpc-status', '0', 'x-sum', '1']);
    expect(readTrailers(['Host', 'evil'])).toBeNull();
    expect(readTrailers([])).toBeNull();
  });
});
