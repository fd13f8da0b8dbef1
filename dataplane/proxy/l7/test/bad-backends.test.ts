import { createServer, type Socket } from 'node:net';
import { connect as connectHttp2, constants } from 'node:http2';
import { createServer as createTls } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { createRig, listenOn, type Rig } from './harness.ts';

/** A backend that answers the first bytes of each connection as told. */
function scripted(answer: (socket: Socket, request: string) => void) {
  return listenOn(
    createServer((socket) => {
      let text = '';
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
        if (!text.includes('\r\n\r\n')) return;
        const request = text;
        text = '';
        answer(socket, request);
      });
    }),
  );
}

async function get(rig: Rig, host = 'app.test'): Promise<string> {
  return rig.raw(host, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
}

/** An HTTP/2 client's view: status, body, and whether the stream was reset. */
async function get2(rig: Rig, host = 'app.test'): Promise<{ status: number; body: string; code: number }> {
  const socket = await rig.tls(host, { ALPNProtocols: ['h2'] });
  const session = connectHttp2(`https://${host}`, { createConnection: () => socket });
  session.on('error', () => session.destroy());
  const stream = session.request({ ':path': '/' });
  let status = 0;
  let body = '';
  stream.on('response', (headers) => (status = Number(headers[':status'])));
  stream.on('data', (chunk: Buffer) => (body += chunk.toString()));
  stream.on('error', () => stream.close());
  await new Promise((resolve) => stream.once('close', resolve));
  session.close();
  return { status, body, code: stream.rstCode };
}

describe('a backend that fails before its response began', () => {
  it.each<[string, (socket: Socket) => void, number, string]>([
    ['closes', (socket) => socket.end(), 502, 'backend_protocol'],
    ['resets', (socket) => socket.resetAndDestroy(), 502, 'backend_protocol'],
    ['talks garbage', (socket) => socket.write('SSH-2.0-OpenSSH\r\n\r\n'), 502, 'backend_protocol'],
    ['sends half a head', (socket) => socket.end('HTTP/1.1 200 OK\r\nX: y\r\n'), 502, 'backend_protocol'],
    ['sends NUL', (socket) => socket.write('HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n'), 502, 'backend_protocol'],
    [
      'sends CL and TE',
      (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
      502,
      'backend_protocol',
    ],
    [
      'sends a head too large',
      (socket) => socket.write(`HTTP/1.1 200 OK\r\nX: ${'a'.repeat(100_000)}\r\n\r\n`),
      502,
      'backend_protocol',
    ],
    [
      'sends 1xx without end',
      (socket) => {
        const more = (): void => {
          if (socket.writable) socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n', () => setImmediate(more));
        };
        more();
      },
      502,
      'backend_protocol',
    ],
    [
      'switches protocols unasked',
      (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
      502,
      'backend_protocol',
    ],
  ])('%s', async (_name, answer, status, reason) => {
    await using rig = await createRig();
    await using backend = await scripted(answer);
    await rig.addRoute('app.test', backend.address);
    const text = await get(rig);
    expect(text.replace(/^(HTTP\/1\.1 103[^]*?\r\n\r\n)+/, '')).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(text).toContain(reason);
    expect((await get2(rig)).status).toBe(status);
    await rig.recorded(2);
    expect(rig.records.map((record) => record.reason)).toEqual([reason, reason]);
    expect(rig.failures).toEqual([]);
  });

  it('stalls: 504 after the deadline', async () => {
    await using rig = await createRig({ bodyTimeoutMs: 200 });
    await using backend = await scripted(() => undefined);
    await rig.addRoute('app.test', backend.address);
    expect(await get(rig)).toMatch(/^HTTP\/1\.1 504 [^]*backend_timeout/);
    expect((await get2(rig)).status).toBe(504);
  });

  it('refuses connections: 502 backend_unreachable', async () => {
    await using rig = await createRig();
    const backend = await scripted(() => undefined);
    await backend[Symbol.asyncDispose]();
    await rig.addRoute('app.test', backend.address);
    expect(await get(rig)).toMatch(/^HTTP\/1\.1 502 [^]*backend_unreachable/);
    await rig.addRoute('app.test', backend.address, { backendProtocol: 'h2c' });
    expect((await get2(rig)).status).toBe(502);
  });
});

describe('a backend that fails after its response began never looks whole', () => {
  const partial: [string, (socket: Socket) => void][] = [
    ['short Content-Length', (s) => s.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')],
    [
      'reset in a Content-Length',
      (s) => s.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello', () => s.resetAndDestroy()),
    ],
    ['chunks without an end', (s) => s.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')],
    ['a broken chunk', (s) => s.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n')],
  ];
  it.each(partial)('%s', async (_name, answer) => {
    await using rig = await createRig();
    await using backend = await scripted(answer);
    await rig.addRoute('app.test', backend.address);
    const text = await get(rig);
    // Whole would be: ten bytes, or a last chunk.
    expect(text).not.toMatch(/\r\n0\r\n/);
    expect(text).not.toMatch(/hello.{5}$/s);
    expect((await get2(rig)).code).not.toBe(constants.NGHTTP2_NO_ERROR);
  });

  it('a reset in a body that ends with the connection', async () => {
    await using rig = await createRig();
    await using backend = await scripted((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello');
      setTimeout(() => socket.resetAndDestroy(), 50);
    });
    await rig.addRoute('app.test', backend.address);
    expect(await get(rig)).not.toMatch(/\r\n0\r\n/);
    expect((await get2(rig)).code).not.toBe(constants.NGHTTP2_NO_ERROR);
  });

  it('a body that ends with the connection is whole when the connection ends well', async () => {
    await using rig = await createRig();
    await using backend = await scripted((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nhello'));
    await rig.addRoute('app.test', backend.address);
    expect(await get2(rig)).toEqual({ status: 200, body: 'hello', code: 0 });
  });

  it('a stall in the middle of the body', async () => {
    await using rig = await createRig({ bodyTimeoutMs: 200, idleTimeoutMs: 200 });
    await using backend = await scripted((socket) =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'),
    );
    await rig.addRoute('app.test', backend.address);
    expect((await get2(rig)).code).not.toBe(constants.NGHTTP2_NO_ERROR);
    await rig.recorded(1);
    expect(rig.records[0]?.reason).toBe('backend_timeout');
  });

  /** An HTTP/2 backend that sends half a body and then what it is told. */
  function halfway(then: (socket: Socket, stream: number) => void) {
    return listenOn(
      createServer((socket) => {
        socket.write(frame(FRAME_SETTINGS, 0, 0, ''));
        let seen = 0;
        socket.on('data', (chunk: Buffer) => {
          for (const stream of openedStreams(chunk, seen === 0 ? PREFACE_BYTES : 0)) answer(stream);
          seen += chunk.length;
        });
        const answer = (stream: number): void => {
          socket.write(frame(FRAME_HEADERS, END_HEADERS, stream, '88'));
          socket.write(frame(FRAME_DATA, 0, stream, '68656c6c6f'));
          setTimeout(() => then(socket, stream), 20);
        };
      }),
    );
  }
  const reset = (code: string) => (socket: Socket, stream: number) =>
    socket.write(frame(FRAME_RST_STREAM, 0, stream, code));
  it.each<[string, (socket: Socket, stream: number) => void]>([
    ['RST_STREAM INTERNAL_ERROR', reset('00000002')],
    ['RST_STREAM CANCEL', reset('00000008')],
    ['RST_STREAM NO_ERROR', reset('00000000')],
    ['GOAWAY that denies the stream', (s) => s.write(frame(FRAME_GOAWAY, 0, 0, '0000000000000000'))],
    ['connection closed', (s) => s.end()],
    ['connection reset', (s) => s.resetAndDestroy()],
    ['frame that breaks the protocol', (s) => s.write(frame(FRAME_DATA, 0, 0, '00'))],
  ])('an h2c backend: %s', async (_name, then) => {
    await using rig = await createRig();
    await using backend = await halfway(then);
    await rig.addRoute('app.test', backend.address, { backendProtocol: 'h2c' });
    expect((await get2(rig)).code).not.toBe(constants.NGHTTP2_NO_ERROR);
    expect(await get(rig)).not.toMatch(/\r\n0\r\n/);
  });
});

const PREFACE_BYTES = 24;
const FRAME_DATA = 0;
const FRAME_HEADERS = 1;
const FRAME_RST_STREAM = 3;
const FRAME_SETTINGS = 4;
const FRAME_GOAWAY = 7;
const END_HEADERS = 4;

/** RFC 9113 §4.1; the payload in hex. */
function frame(type: number, flags: number, stream: number, payload: string): Buffer {
  const body = Buffer.from(payload, 'hex');
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

function openedStreams(chunk: Buffer, from: number): number[] {
  const streams: number[] = [];
  for (let at = from; at + 9 <= chunk.length; at += 9 + chunk.readUIntBE(at, 3)) {
    if (chunk[at + 3] === FRAME_HEADERS) streams.push(chunk.readUInt32BE(at + 5));
  }
  return streams;
}

describe('TLS to the backend', () => {
  it('a certificate of another CA or name gets 502 backend_tls under backend_verify = ca, and passes with the right one', async () => {
    await using rig = await createRig();
    const { certPem, keyPem } = await rig.ca.issue({ names: ['app.test'] });
    const server = createTls({ cert: certPem, key: keyPem }, (socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    });
    await using backend = await listenOn(server);
    const route = await rig.addRoute('app.test', backend.address, { backendTls: true, backendVerify: 'ca' });
    expect(await get(rig)).toMatch(/^HTTP\/1\.1 502 [^]*backend_tls/);
    const material = { ...route.material, backendCaPem: rig.ca.caPem };
    await rig.addRoute('app.test', backend.address, { backendTls: true, backendVerify: 'ca', material });
    expect(await get(rig)).toMatch(/^HTTP\/1\.1 200 /);
    await rig.addRoute('app.test', backend.address, {
      backendTls: true,
      backendVerify: 'ca',
      backendServerName: 'wrong.test',
      material,
    });
    expect(await get(rig)).toMatch(/^HTTP\/1\.1 502 [^]*backend_tls/);
    await rig.addRoute('app.test', backend.address, { backendTls: true, backendVerify: 'none' });
    expect(await get(rig)).toMatch(/^HTTP\/1\.1 200 /);
  });
});

it('PX-7 a refused connection goes to the next backend, with its body', async () => {
  await using rig = await createRig();
  const gone = await scripted(() => undefined);
  await gone[Symbol.asyncDispose]();
  await using backend = await scripted((socket, request) => {
    const body = request.split('\r\n\r\n')[1] ?? '';
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  await rig.addRoute('app.test', [gone.address, backend.address]);
  for (let i = 0; i < 8; i++) {
    const text = await rig.raw(
      'app.test',
      'POST / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello',
    );
    expect(text).toMatch(/^HTTP\/1\.1 200 [^]*hello$/);
  }
});
