import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createH2c } from 'node:http2';
import { request as requestHttps } from 'node:https';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect } from 'vitest';
import { createRig, listenOn } from './harness.ts';

const CHUNK = Buffer.alloc(64 * 1024, 0x61);
const MIB = 1024 * 1024;

/** `sizeBytes` bytes, made as they are asked for. */
export function source(sizeBytes: number, onRead: (sizeBytes: number) => void = () => undefined): Readable {
  let left = sizeBytes;
  return new Readable({
    read() {
      const next = Math.min(left, CHUNK.length);
      left -= next;
      onRead(next);
      this.push(next === 0 ? null : CHUNK.subarray(0, next));
    },
  });
}

class Counter extends Writable {
  sizeBytes = 0;
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.sizeBytes += chunk.length;
    done();
  }
}

/** Sends so much up or down through the proxy and checks that all arrives while the process grows by less than `growthBytes`. */
export async function transfer(
  front: 'http1' | 'http2',
  back: 'http1' | 'h2c',
  direction: 'up' | 'down',
  sizeBytes: number,
  growthBytes: number,
): Promise<void> {
  await using rig = await createRig();
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const counter = new Counter();
    await pipeline(request, counter);
    if (direction === 'up') response.end(String(counter.sizeBytes));
    else await pipeline(source(sizeBytes), response);
  };
  const server =
    back === 'http1'
      ? createServer(serve)
      : createH2c((request, response) => void serve(request as never, response as never));
  await using backend = await listenOn(server as Server);
  await rig.addRoute('app.test', backend.address, { backendProtocol: back });
  const socket = await rig.tls('app.test', { ALPNProtocols: [front === 'http2' ? 'h2' : 'http/1.1'] });
  const body = direction === 'up' ? source(sizeBytes) : Readable.from([]);
  const counter = new Counter();
  const before = process.memoryUsage().rss;
  let peak = before;
  const sampler = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20);
  let answer = '';
  counter.on(
    'pipe',
    (from: Readable) => direction === 'up' && from.on('data', (chunk: Buffer) => (answer += String(chunk))),
  );
  if (front === 'http2') {
    const session = connectHttp2('https://app.test', { createConnection: () => socket });
    session.setLocalWindowSize(MIB);
    const stream = session.request({ ':method': 'POST', ':path': '/' });
    await Promise.all([pipeline(body, stream as Writable), pipeline(stream as Readable, counter)]);
    session.close();
  } else {
    const request = requestHttps({ createConnection: () => socket, method: 'POST', path: '/', host: 'app.test' });
    const response = new Promise<IncomingMessage>((resolve) => request.once('response', resolve));
    await Promise.all([pipeline(body, request), response.then((message) => pipeline(message, counter))]);
  }
  clearInterval(sampler);
  expect(direction === 'up' ? Number(answer) : counter.sizeBytes).toBe(sizeBytes);
  expect(peak - before).toBeLessThan(growthBytes);
  await rig.recorded(1);
  expect(rig.records[0]).toMatchObject({ status: 200, [direction === 'up' ? 'bytesUp' : 'bytesDown']: sizeBytes });
}
