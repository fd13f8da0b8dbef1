import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readClientHello } from './client-hello.ts';
import type { ClientHelloResult, HelloFault } from './client-hello.ts';
import {
  alpnExtension,
  buildClientHello,
  extension,
  handshake,
  helloBody,
  helloHead,
  hostName,
  keyShare,
  record,
  serverName,
  TLS_1_2,
  TLS_1_3,
  toRecords,
  vector,
} from './test/build-client-hello.ts';

const HELLO_MAX = 16 * 1024;
const POST_QUANTUM = 1216;

function read(bytes: Uint8Array, maxBytes = HELLO_MAX): ClientHelloResult {
  return readClientHello(bytes, maxBytes);
}

function invalid(detail: HelloFault): ClientHelloResult {
  return { kind: 'invalid', reason: 'hello_invalid', detail };
}

const tooLarge: ClientHelloResult = { kind: 'invalid', reason: 'hello_too_large', detail: 'hello-max' };

/** Records around a hello of these extensions. */
function withExtensions(...extensions: Uint8Array[]): Uint8Array {
  return toRecords(handshake(helloBody(extensions)));
}

const sniText = fc.stringMatching(/^[a-z][a-z0-9]{0,20}\.example\.test$/);
const validHello = fc
  .record({
    sni: fc.option(sniText),
    alpn: fc.array(fc.constantFrom('h2', 'http/1.1', 'acme-tls/1'), { maxLength: 3 }),
    recordSize: fc.integer({ min: 1, max: 400 }),
    versions: fc.constantFrom([], [TLS_1_3], [0x7a7a, TLS_1_3, TLS_1_2]),
    keyShareBytes: fc.constantFrom(32, POST_QUANTUM),
  })
  .map(({ sni, alpn, ...options }) => ({ sni, alpn, ...options, bytes: buildClientHello(sni, alpn, options) }));

describe('readClientHello', () => {
  it('PX-4 reads name, protocols, versions and its own length', () => {
    const bytes = buildClientHello('App.Example.test.', ['h2', 'http/1.1']);
    expect(read(bytes)).toEqual({
      kind: 'hello',
      sni: 'app.example.test',
      alpn: ['h2', 'http/1.1'],
      legacyVersion: TLS_1_2,
      supportedVersions: [TLS_1_3, TLS_1_2],
      consumedBytes: bytes.length,
    });
  });

  it('PX-4 reads a hello in records of 40 bytes, and one with a post-quantum key share', () => {
    const expected = { kind: 'hello', sni: 'app.example.test', alpn: ['h2'] };
    const small = buildClientHello('app.example.test', ['h2'], { recordSize: 40, keyShareBytes: POST_QUANTUM });
    const large = buildClientHello('app.example.test', ['h2'], { keyShareBytes: POST_QUANTUM });
    expect(read(small)).toMatchObject({ ...expected, consumedBytes: small.length });
    expect(read(large)).toMatchObject({ ...expected, consumedBytes: large.length });
  });

  it('leaves what follows the hello alone', () => {
    const hello = buildClientHello('app.example.test');
    const earlyData = record(new Uint8Array(100), 23);
    expect(read(Buffer.concat([hello, earlyData]))).toEqual(read(hello));
    expect(read(Buffer.concat([hello, Buffer.from('anything')]), hello.length)).toEqual(read(hello));
  });

  it('answers null for a hello without a name, with or without extensions', () => {
    expect(read(buildClientHello(null))).toMatchObject({ kind: 'hello', sni: null });
    const bare = toRecords(handshake(helloBody(null)));
    expect(read(bare)).toMatchObject({ kind: 'hello', sni: null, alpn: [], supportedVersions: [] });
    expect(read(withExtensions())).toMatchObject({ kind: 'hello', sni: null });
  });

  it('reads hellos of old versions, for the caller to judge', () => {
    expect(read(buildClientHello('a.test', [], { versions: [] }))).toMatchObject({ supportedVersions: [] });
    const tls10 = toRecords(handshake(helloBody([], helloHead({ version: 0x0301 }))));
    expect(read(tls10)).toMatchObject({ kind: 'hello', legacyVersion: 0x0301 });
  });

  it('PX-4 answers incomplete for every prefix, with a bound on what is missing, and the same hello for any split', () => {
    fc.assert(
      fc.property(validHello, ({ bytes, sni, alpn, versions }) => {
        for (let length = 0; length < bytes.length; length++) {
          const result = read(bytes.subarray(0, length));
          if (result.kind !== 'incomplete') throw new Error(`decided after ${length} of ${bytes.length} bytes`);
          if (result.needBytes <= length || result.needBytes > bytes.length) {
            throw new Error(`asked for ${result.needBytes} of ${bytes.length} bytes after ${length}`);
          }
        }
        const expected = { kind: 'hello', sni, alpn, legacyVersion: TLS_1_2, supportedVersions: versions };
        expect(read(bytes)).toEqual({ ...expected, consumedBytes: bytes.length });
      }),
      { numRuns: 40 },
    );
  });

  it('never throws, and decides for good: more bytes never change a refusal', () => {
    const mutated = fc
      .tuple(validHello, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }))
      .map(([{ bytes }, changes]) => {
        const copy = new Uint8Array(bytes);
        // Half of the changes hit the first 200 bytes, where lengths and types are.
        for (const [at, value] of changes) copy[at % (at % 2 === 0 ? Math.min(200, copy.length) : copy.length)] = value;
        return copy;
      });
    const anything = fc.uint8Array({ maxLength: 64 });
    const handshakeLike = anything.map((tail) => Buffer.concat([Uint8Array.of(22, 3, 1), tail]));
    const max = fc.constantFrom(64, 300, HELLO_MAX);
    fc.assert(
      fc.property(fc.oneof(mutated, anything, handshakeLike), max, (bytes, maxBytes) => {
        const final = JSON.stringify(read(bytes, maxBytes));
        for (let length = 0; length < bytes.length; length++) {
          const result = read(bytes.subarray(0, length), maxBytes);
          if (result.kind !== 'incomplete') expect(JSON.stringify(result)).toBe(final);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('needs a logarithmic number of calls when its hint is followed, even for records of one byte', () => {
    const bytes = buildClientHello('app.example.test', [], { recordSize: 1, keyShareBytes: POST_QUANTUM });
    let calls = 0;
    let length = 0;
    for (;;) {
      const result = read(bytes.subarray(0, length));
      calls++;
      if (result.kind !== 'incomplete') break;
      length = result.needBytes;
    }
    expect(length).toBe(bytes.length);
    expect(calls).toBeLessThan(60);
  });
});

describe('hello_too_large', () => {
  const bytes = buildClientHello('app.example.test', [], { padTo: 2000 });

  it('is answered as soon as the announced length says so', () => {
    expect(read(bytes, bytes.length)).toMatchObject({ kind: 'hello' });
    expect(read(bytes, bytes.length - 1)).toEqual(tooLarge);
    expect(read(bytes.subarray(0, 5), bytes.length - 1)).toEqual(tooLarge);
    expect(read(bytes.subarray(0, 4), bytes.length - 1)).toMatchObject({ kind: 'incomplete' });
    const inPieces = buildClientHello('app.example.test', [], { padTo: 20_000, recordSize: 1000 });
    expect(read(inPieces.subarray(0, 9))).toEqual(tooLarge);
    expect(read(inPieces.subarray(0, 8))).toMatchObject({ kind: 'incomplete' });
  });

  it('counts record headers', () => {
    const inPieces = buildClientHello('app.example.test', [], { padTo: 2000, recordSize: 40 });
    expect(inPieces.length).toBe(2000 + 50 * 5);
    expect(read(inPieces, inPieces.length)).toMatchObject({ kind: 'hello' });
    expect(read(inPieces, inPieces.length - 1)).toEqual(tooLarge);
  });

  it('holds for a hello of the largest length that can be written', () => {
    expect(read(Uint8Array.of(22, 3, 1, 0x02, 0, 1, 0xff, 0xff, 0xff))).toEqual(tooLarge);
  });
});

describe('bytes that are no TLS', () => {
  it.each<[string, Uint8Array | string, HelloFault]>([
    ['clear HTTP', 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n', 'http'],
    ['clear HTTP, first word', 'OPTIONS ', 'http'],
    ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http'],
    ['SSLv2 hello', Uint8Array.of(0x80, 0x2e, 1, 0, 2, 0, 0x15), 'sslv2'],
    ['SSLv2-framed TLS hello', Uint8Array.of(0x80, 0x2e, 1, 3, 1), 'sslv2'],
    ['high bytes', Uint8Array.of(0x80, 0x2e, 2), 'not-tls'],
    ['SSH banner', 'SSH-2.0-x', 'not-tls'],
    ['SSH banner, first byte', 'S', 'not-tls'],
    ['lower-case method', 'get / HTTP/1.1', 'not-tls'],
    ['a word like a method', 'POTS', 'not-tls'],
    ['TLS alert', Uint8Array.of(21, 3, 1, 0, 2, 1, 0), 'not-tls'],
    ['application data', Uint8Array.of(23, 3, 3, 0, 1, 0), 'not-tls'],
    ['handshake type, other major version', Uint8Array.of(22, 2), 'not-tls'],
    ['NUL', Uint8Array.of(0), 'not-tls'],
    ['PROXY v1 header', 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n', 'proxy-header'],
    ['PROXY v2 signature', '\r\n\r\n\0\r\nQUIT\n', 'proxy-header'],
    ['line end', '\r\nGET / HTTP/1.1', 'not-tls'],
  ])('%s → %3$s', (_name, input, detail) => {
    expect(read(typeof input === 'string' ? Buffer.from(input, 'latin1') : input)).toEqual(invalid(detail));
  });

  it.each(['', 'G', 'GE', 'GET', 'P', 'PR', 'PROX', 'PATCH', '\r\n\r\n\0', '\x80', '\x80\x2e', '\x16', '\x16\x03'])(
    'waits while %j may become something with a name',
    (text) => {
      expect(read(Buffer.from(text, 'latin1'))).toMatchObject({ kind: 'incomplete' });
    },
  );
});

describe('records', () => {
  const message = handshake(helloBody([keyShare(POST_QUANTUM)]));
  const head = message.subarray(0, 100);

  it.each<[string, Uint8Array, HelloFault]>([
    ['empty first record', record(new Uint8Array(0)), 'record-empty'],
    ['empty record in the middle', Buffer.concat([record(head), record(new Uint8Array(0))]), 'record-empty'],
    ['alert in the middle', Buffer.concat([record(head), record(Uint8Array.of(1, 0), 21)]), 'record-type'],
    ['one byte of another type', Buffer.concat([record(head), Uint8Array.of(23)]), 'record-type'],
    ['another major version', Buffer.concat([record(head), Uint8Array.of(22, 4)]), 'record-version'],
    ['more than 2^14 bytes', Uint8Array.of(22, 3, 1, 0x40, 1), 'record-too-long'],
    ['bytes after the hello', record(Buffer.concat([message, Uint8Array.of(0)])), 'record-trailing'],
    ['a second hello in the record', record(Buffer.concat([message, message])), 'record-trailing'],
    ['bytes after the hello, known from its header', record(message).subarray(0, 9), 'record-trailing'],
    ['ServerHello', record(handshake(new Uint8Array(40), 2)), 'not-client-hello'],
    ['HelloRequest, one byte of it', Uint8Array.of(22, 3, 1, 0, 4, 0), 'not-client-hello'],
  ])('%s → %3$s', (name, bytes, detail) => {
    const input = new Uint8Array(bytes);
    if (name.includes('known from')) input[4]! += 1;
    expect(read(input, 2 ** 20)).toEqual(invalid(detail));
  });

  it('takes a record of exactly 2^14 bytes and any minor version', () => {
    const bytes = buildClientHello('app.example.test', [], { padTo: 2 ** 14 });
    expect(read(bytes, bytes.length)).toMatchObject({ kind: 'hello' });
    bytes[2] = 0xff;
    expect(read(bytes, bytes.length)).toMatchObject({ kind: 'hello' });
  });
});

describe('hello fields', () => {
  const cut = (length: number): Uint8Array => helloHead().subarray(0, length);

  it.each<[string, Uint8Array, HelloFault]>([
    ['empty body', new Uint8Array(0), 'legacy-version'],
    ['SSLv2 version', helloHead({ version: 2 }), 'legacy-version'],
    ['unknown major version', helloHead({ version: 0x0400 }), 'legacy-version'],
    ['cut in the random', cut(20), 'session-id'],
    ['cut in the session id', cut(40), 'session-id'],
    ['session id of 33', helloHead({ sessionId: new Uint8Array(33) }), 'session-id'],
    ['cut in the suites', cut(70), 'cipher-suites'],
    ['no suites', helloHead({ cipherSuites: new Uint8Array(0) }), 'cipher-suites'],
    ['odd suites', helloHead({ cipherSuites: new Uint8Array(3) }), 'cipher-suites'],
    ['no compression', helloHead({ compression: new Uint8Array(0) }), 'compression'],
    ['compression without null', helloHead({ compression: Uint8Array.of(1) }), 'compression'],
    ['cut before compression', cut(73), 'compression'],
    ['one byte after compression', Buffer.concat([helloHead(), Uint8Array.of(0)]), 'extensions-length'],
    ['extensions shorter than said', Buffer.concat([helloHead(), Uint8Array.of(0, 9, 0, 10)]), 'extensions-length'],
    ['bytes after the extensions', Buffer.concat([helloBody([]), Uint8Array.of(0)]), 'extensions-length'],
    ['extension longer than all', helloBody([Uint8Array.of(0, 10, 0, 200, 1)]), 'extensions-length'],
    ['SNI longer than all', helloBody([Uint8Array.of(0, 0, 0, 200, 0, 3)]), 'extensions-length'],
    ['three bytes of an extension', helloBody([Uint8Array.of(0, 10, 0)]), 'extensions-length'],
    ['key share twice', helloBody([keyShare(32), keyShare(32)]), 'extension-twice'],
    [
      'GREASE twice',
      helloBody([extension(0x0a0a, new Uint8Array(0)), extension(0x0a0a, new Uint8Array(0))]),
      'extension-twice',
    ],
  ])('%s → %3$s', (_name, body, detail) => {
    expect(read(toRecords(handshake(body)))).toEqual(invalid(detail));
  });
});

describe('server_name, ALPN and supported_versions', () => {
  const name = hostName(Buffer.from('a.test'));
  const sni = (text: string): Uint8Array => serverName([hostName(Buffer.from(text, 'latin1'))]);

  it.each<[string, Uint8Array[], HelloFault]>([
    ['two names', [serverName([name, hostName(Buffer.from('b.test'))])], 'sni-twice'],
    ['the same name twice', [serverName([name, name])], 'sni-twice'],
    ['two extensions', [serverName([name]), serverName([name])], 'extension-twice'],
    ['unknown type alone', [serverName([hostName(Buffer.from('a.test'), 1)])], 'sni-name-type'],
    ['unknown type after a name', [serverName([name, hostName(Buffer.from('x'), 7)])], 'sni-name-type'],
    ['empty extension', [extension(0, new Uint8Array(0))], 'sni-list'],
    ['empty list', [serverName([])], 'sni-list'],
    ['list shorter than the extension', [extension(0, Uint8Array.of(0, 0, 0))], 'sni-list'],
    ['list longer than the extension', [extension(0, Uint8Array.of(0, 9, 0, 0, 1, 97))], 'sni-list'],
    ['name longer than the list', [extension(0, Uint8Array.of(0, 4, 0, 0, 9, 97))], 'sni-list'],
    ['bytes after the list', [extension(0, Buffer.concat([vector(2, name), Uint8Array.of(0)]))], 'sni-list'],
    ['empty name', [sni('')], 'sni-empty'],
    ['NUL', [sni('a.test\0.evil.test')], 'sni-nul'],
    ['256 bytes', [sni('a'.repeat(256))], 'sni-too-long'],
    ['254 bytes', [sni(`${'a.'.repeat(126)}aa`)], 'sni-too-long'],
    ['not ASCII', [sni('bücher.test')], 'sni-not-ascii'],
    ['bad IDNA', [sni('xn--a.test')], 'sni-bad-a-label'],
    ['IPv4 literal', [sni('192.0.2.1')], 'sni-ip-literal'],
    ['IPv6 literal', [sni('2001:db8::1')], 'sni-ip-literal'],
    ['two trailing dots', [sni('a.test..')], 'sni-empty-label'],
    ['wildcard', [sni('*.test')], 'sni-character'],
    ['with a port', [sni('a.test:443')], 'sni-character'],
    ['empty ALPN list', [alpnExtension([])], 'alpn-list'],
    ['empty ALPN name', [alpnExtension([Buffer.from('h2'), new Uint8Array(0)])], 'alpn-list'],
    ['ALPN name past the end', [extension(16, Uint8Array.of(0, 2, 9, 104))], 'alpn-list'],
    ['bytes after the ALPN list', [extension(16, Uint8Array.of(0, 2, 1, 104, 0))], 'alpn-list'],
    ['no versions', [extension(43, Uint8Array.of(0))], 'supported-versions'],
    ['half a version', [extension(43, Uint8Array.of(3, 3, 4, 3))], 'supported-versions'],
    ['bytes after the versions', [extension(43, Uint8Array.of(2, 3, 4, 0))], 'supported-versions'],
    ['empty versions extension', [extension(43, new Uint8Array(0))], 'supported-versions'],
  ])('%s → %3$s', (_name, extensions, detail) => {
    expect(read(withExtensions(...extensions))).toEqual(invalid(detail));
  });

  it('keeps the bytes of a protocol name', () => {
    const grease = withExtensions(alpnExtension([Uint8Array.of(0xca, 0xfe), Buffer.from('h2')]));
    expect(read(grease)).toMatchObject({ alpn: ['\xca\xfe', 'h2'] });
  });
});
