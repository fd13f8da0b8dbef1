import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatIp, parseIp, type IpAddress } from '../../net/address.ts';
import {
  buildClientHello,
  handshake,
  helloBody,
  hostName,
  record,
  serverName,
  toRecords,
} from '../../proxy/client-hello/test/build-client-hello.ts';
import { encodeProxyV2, readProxyHeader } from '../../proxy/proxy-protocol/index.ts';
import { startMcProxy, type RunningProxy } from './running-proxy.ts';
import { dial, fate, received, startTcpBackend, writeInPieces, type TcpBackend } from './tcp-peers.ts';

const PLAIN = '127.0.0.1:0';
const HOP = '127.0.0.2:0';
const CLEAR = '127.0.0.3:0';
const HELLO = Buffer.from(buildClientHello('app.example.test'));

describe('what a listener refuses', () => {
  let proxy: RunningProxy;
  let backend: TcpBackend;

  beforeAll(async () => {
    backend = await startTcpBackend();
    const route = `
[[listeners.routes]]
hostname = "app.example.test"
backend = "${backend.address}"
mode = "l4"
`;
    proxy = await startMcProxy(
      () => `
hello_timeout = "400ms"
hello_max = "4KiB"
[firewall]
blocked_ips = ["127.0.0.66", "203.0.113.5"]
blocked_cidrs = ["198.51.100.0/24"]
allowed_cidrs = ["198.51.100.7/32"]
[[listeners]]
addr = "${PLAIN}"
default_route = "app.example.test"
${route}
[[listeners]]
addr = "${HOP}"
proxy_protocol = true
trusted_proxies = ["127.0.0.2/32"]
${route}
[[listeners.routes]]
hostname = "again.example.test"
backend = "${backend.address}"
mode = "l4"
send_proxy_protocol = true
[[listeners]]
addr = "${CLEAR}"
redirect_http = true
${route}
`,
    );
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await backend[Symbol.asyncDispose]();
  });

  const longHost = `${'a'.repeat(60)}.`.repeat(4) + 'a'.repeat(20);
  const http = 'GET / HTTP/1.1\r\nHost: app.example.test\r\n\r\n';
  const withSni = (...names: string[]): Uint8Array =>
    toRecords(handshake(helloBody([serverName(names.map((name) => hostName(Buffer.from(name, 'latin1'))))])));

  it.each([
    { input: 'bytes that are no TLS', bytes: Buffer.alloc(64, 0xff), reason: 'hello_invalid' },
    {
      input: 'an SSLv2 hello',
      bytes: Buffer.from('802e0100020015000000100100800200800300800400800500800600400700c0', 'hex'),
      reason: 'hello_invalid',
    },
    { input: 'HTTP in clear', bytes: Buffer.from(http), reason: 'hello_invalid' },
    { input: 'a TLS alert first', bytes: record(Uint8Array.of(2, 40), 21), reason: 'hello_invalid' },
    { input: 'a ServerHello', bytes: toRecords(handshake(helloBody([]), 2)), reason: 'hello_invalid' },
    {
      input: 'a hello beyond hello_max',
      bytes: buildClientHello('app.example.test', [], { padTo: 5000 }),
      reason: 'hello_too_large',
    },
    { input: 'an SNI with NUL', bytes: withSni('app.example.test\0.evil.test'), reason: 'hello_invalid' },
    { input: 'an empty SNI', bytes: withSni(''), reason: 'hello_invalid' },
    { input: 'an SNI over 255 bytes', bytes: withSni(longHost), reason: 'hello_invalid' },
    { input: 'an SNI of bad IDNA', bytes: withSni('xn--a.example.test'), reason: 'hello_invalid' },
    { input: 'an IP literal as SNI', bytes: withSni('192.0.2.1'), reason: 'hello_invalid' },
    { input: 'two SNI entries', bytes: withSni('app.example.test', 'app.example.test'), reason: 'hello_invalid' },
    {
      input: 'a PROXY header that nobody asked for',
      bytes: Buffer.concat([Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n'), HELLO]),
      reason: 'proxy_header_untrusted',
    },
    { input: 'a hello that stalls', bytes: HELLO.subarray(0, 40), reason: 'hello_timeout' },
    { input: 'nothing at all', bytes: Buffer.alloc(0), reason: 'hello_timeout' },
  ])('PX-14 $input: RST with $reason, never the default route', async ({ bytes, reason }) => {
    const before = backend.connections.length;
    expect(await fate(proxy.port(PLAIN), bytes)).toBe('reset');
    expect(await proxy.refusal(reason)).toMatchObject({ listener: PLAIN, client: '127.0.0.1' });
    expect(backend.connections.length).toBe(before);
  });

  it('PX-25 a hello dribbled byte by byte is cut off at hello_timeout', async () => {
    const socket = await dial(proxy.port(PLAIN));
    const reset = new Promise((resolve) => socket.once('error', resolve));
    let at = 0;
    const dribble = setInterval(() => socket.write(HELLO.subarray(at, ++at)), 20);
    await reset;
    clearInterval(dribble);
    await proxy.refusal('hello_timeout');
  });

  it('PX-9 a blocked address gets RST before it has sent a byte, without a TLS alert', async () => {
    expect(await fate(proxy.port(PLAIN), Buffer.alloc(0), { localAddress: '127.0.0.66' })).toBe('reset');
    expect(await proxy.refusal('blocked_ip')).toMatchObject({ client: '127.0.0.66', rule: '127.0.0.66' });
  });

  function hop(source: string, rest: Uint8Array = HELLO): Buffer {
    const address = (text: string): IpAddress => {
      const ip = parseIp(text);
      if (!ip) throw new Error(text);
      return ip;
    };
    const header = encodeProxyV2({
      source: { ip: address(source), port: 40_000 },
      destination: { ip: address('192.0.2.20'), port: 443 },
      crc: true,
    });
    return Buffer.concat([header, rest]);
  }
  const trusted = { host: '127.0.0.2', localAddress: '127.0.0.2' };
  const stranger = { host: '127.0.0.2', localAddress: '127.0.0.9' };

  it('PX-10 the firewall judges the address in the PROXY header, not the hop', async () => {
    expect(await fate(proxy.port(HOP), hop('203.0.113.5'), trusted)).toBe('reset');
    expect(await proxy.refusal('blocked_ip')).toMatchObject({ client: '203.0.113.5', peer: '127.0.0.2' });
    expect(await fate(proxy.port(HOP), hop('198.51.100.8'), trusted)).toBe('reset');
    expect(await proxy.refusal('blocked_cidr')).toMatchObject({ client: '198.51.100.8', rule: '198.51.100.0/24' });
  });

  it.each([
    { version: 'v2', bytes: () => hop('198.51.100.7') },
    {
      version: 'v1',
      bytes: () => Buffer.concat([Buffer.from('PROXY TCP4 198.51.100.7 192.0.2.20 40000 443\r\n'), HELLO]),
    },
    {
      version: 'v1 over IPv6',
      bytes: () => Buffer.concat([Buffer.from('PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n'), HELLO]),
    },
  ])(
    'PX-6 a $version header of a trusted peer is taken off, in pieces too, and allowed_cidrs come first',
    async ({ bytes }) => {
      const index = backend.connections.length;
      const client = await dial(proxy.port(HOP), trusted);
      await writeInPieces(client, bytes(), 9);
      const connection = await backend.connection(index);
      expect(await received(connection, HELLO.length)).toEqual(HELLO);
      client.destroy();
    },
  );

  it('PX-6 LOCAL: the connection of the hop itself, with the address of its socket', async () => {
    const index = backend.connections.length;
    const local = Buffer.concat([
      hop('192.0.2.1', Buffer.alloc(0)).subarray(0, 12),
      Uint8Array.of(0x20, 0, 0, 0),
      HELLO,
    ]);
    const client = await dial(proxy.port(HOP), trusted);
    client.write(local);
    await received(await backend.connection(index), HELLO.length);
    client.destroy();
  });

  it('PX-6 LOCAL before a route that sends a header on (CVE-2024-23327): the address of the socket is in it', async () => {
    const index = backend.connections.length;
    const local = hop('192.0.2.1', Buffer.alloc(0)).subarray(0, 12);
    const hello = buildClientHello('again.example.test');
    const client = await dial(proxy.port(HOP), trusted);
    client.write(Buffer.concat([local, Uint8Array.of(0x20, 0, 0, 0), hello]));
    const sent = await received(await backend.connection(index), hello.length + 28);
    const header = readProxyHeader(sent);
    if (header.kind !== 'header' || !header.source) throw new Error(`the backend got ${header.kind}`);
    expect(formatIp(header.source.ip)).toBe('127.0.0.2');
    expect(header.source.port).toBe(client.localPort);
    client.destroy();
  });

  const v1 = (line: string): Buffer => Buffer.concat([Buffer.from(line, 'latin1'), HELLO]);
  it.each([
    { input: 'no header from a trusted peer', bytes: () => HELLO, from: trusted, reason: 'proxy_header_missing' },
    {
      input: 'a header from a stranger',
      bytes: () => hop('192.0.2.1'),
      from: stranger,
      reason: 'proxy_header_untrusted',
    },
    {
      input: 'v1 without CRLF in 107 bytes',
      bytes: () => Buffer.from(`PROXY TCP4 ${'1'.repeat(120)}`),
      from: trusted,
      reason: 'proxy_header_invalid',
    },
    {
      input: 'v1 with leading zeros',
      bytes: () => v1('PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n'),
      from: trusted,
      reason: 'proxy_header_invalid',
    },
    {
      input: 'v1 with a bad port',
      bytes: () => v1('PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n'),
      from: trusted,
      reason: 'proxy_header_invalid',
    },
    {
      input: 'v2 with a bad length',
      bytes: () => alter(hop('192.0.2.1'), 15, 4),
      from: trusted,
      reason: 'proxy_header_invalid',
    },
    {
      input: 'v2 with a TLV past the end',
      bytes: () => alter(hop('192.0.2.1'), 30, 0xff),
      from: trusted,
      reason: 'proxy_header_invalid',
    },
    {
      input: 'v2 with a wrong CRC',
      bytes: () => alter(hop('192.0.2.1'), 34, 0x55),
      from: trusted,
      reason: 'proxy_header_invalid',
    },
    {
      input: 'the header twice',
      bytes: () => Buffer.concat([hop('192.0.2.1', Buffer.alloc(0)), hop('192.0.2.1')]),
      from: trusted,
      reason: 'proxy_header_invalid',
    },
    {
      input: 'half a header, then nothing',
      bytes: () => hop('192.0.2.1').subarray(0, 20),
      from: trusted,
      reason: 'hello_timeout',
    },
  ])('PX-6 PROXY protocol: $input gets RST with $reason', async ({ bytes, from, reason }) => {
    const before = backend.connections.length;
    expect(await fate(proxy.port(HOP), bytes(), from)).toBe('reset');
    await proxy.refusal(reason);
    expect(backend.connections.length).toBe(before);
  });

  it('PX-10 a stranger without a header is served by its own address', async () => {
    const index = backend.connections.length;
    const client = await dial(proxy.port(HOP), stranger);
    client.write(HELLO);
    expect(await received(await backend.connection(index), HELLO.length)).toEqual(HELLO);
    client.destroy();
  });

  it('answers clear HTTP with 308 to https on a listener with redirect_http', async () => {
    const port = proxy.port(CLEAR);
    const answer = await fate(port, Buffer.from('GET /a?b=c HTTP/1.1\r\nHost: app.example.test\r\n\r\n'), {
      host: '127.0.0.3',
    });
    expect(String(answer)).toMatch(
      `HTTP/1.1 308 Permanent Redirect\r\nLocation: https://app.example.test:${port}/a?b=c\r\n`,
    );
    expect(await fate(port, Buffer.from('GET / HTTP/1.1\r\nHost: a b\r\n\r\n'), { host: '127.0.0.3' })).toBe('reset');
  });
});

function alter(bytes: Buffer, index: number, value: number): Buffer {
  const altered = Buffer.from(bytes);
  altered[index] = value;
  return altered;
}
