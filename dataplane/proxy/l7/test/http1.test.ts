import { createServer, type IncomingMessage } from 'node:http';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { createRig, listenOn } from './harness.ts';

const run = promisify(execFile);

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += (chunk as Buffer).toString();
  return text;
}

it('PX-3 PX-5 proxies HTTP/1.1 with our hop headers and none of the client’s', async () => {
  await using rig = await createRig();
  const seen: { url: string; headers: string[]; body: string }[] = [];
  await using backend = await listenOn(
    createServer(async (request, response) => {
      seen.push({ url: request.url ?? '', headers: request.rawHeaders, body: await bodyOf(request) });
      response.setHeader('X-Answer', 'yes');
      response.setHeader('Connection', 'X-Secret');
      response.setHeader('X-Secret', 'hop');
      response.end('hello');
    }),
  );
  await rig.addRoute('app.test', backend.address);
  const answer = await rig.raw(
    'app.test',
    'POST /a/b?c=d HTTP/1.1\r\nHost: APP.test:443\r\nX-Forwarded-For: 1.2.3.4\r\nX_Forwarded_For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\n' +
      'X-Real-IP: 1.2.3.4\r\nX-Forwarded-Server: evil\r\nConnection: close, X-Forwarded-For, X-Drop\r\nX-Drop: 1\r\nX-Keep: 1\r\n' +
      'Content-Length: 3\r\nProxy: http://evil\r\n\r\nabc',
  );
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(answer).toMatch(/x-answer: yes/i);
  expect(answer).not.toMatch(/x-secret/i);
  expect(answer).toMatch(/\r\n\r\n(5\r\n)?hello/);
  expect(seen).toHaveLength(1);
  const { url, headers, body } = seen[0]!;
  expect(url).toBe('/a/b?c=d');
  expect(body).toBe('abc');
  const fields = new Map<string, string[]>();
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase();
    fields.set(name, [...(fields.get(name) ?? []), headers[i + 1]!]);
  }
  expect(fields.get('x-forwarded-for')).toEqual(['127.0.0.1']);
  expect(fields.get('x-real-ip')).toEqual(['127.0.0.1']);
  expect(fields.get('x-forwarded-proto')).toEqual(['https']);
  expect(fields.get('x-forwarded-host')).toEqual(['APP.test:443']);
  expect(fields.get('host')).toEqual(['APP.test:443']);
  expect(fields.get('x-request-id')).toEqual(['test-1-1']);
  expect(fields.get('x-keep')).toEqual(['1']);
  for (const gone of ['x_forwarded_for', 'forwarded', 'x-forwarded-server', 'x-drop', 'proxy']) {
    expect(fields.has(gone), gone).toBe(false);
  }
  await rig.recorded(1);
  expect(rig.records[0]).toMatchObject({
    requestId: 'test-1-1',
    route: 'app.test',
    backend: backend.address,
    protocol: 'http1',
    method: 'POST',
    path: '/a/b?c=d',
    status: 200,
    bytesUp: 3,
    bytesDown: 5,
    reason: null,
  });
  expect(rig.failures).toEqual([]);
});

it('PX-3 serves curl over HTTP/1.1 and HTTP/2, keep-alive, HEAD, 204 and 304', async () => {
  await using rig = await createRig();
  await using backend = await listenOn(
    createServer((request, response) => {
      if (request.url === '/204') response.writeHead(204).end();
      else if (request.url === '/304') response.writeHead(304, { etag: '"x"' }).end();
      else response.setHeader('Content-Length', 5).end(request.method === 'HEAD' ? undefined : 'hello');
    }),
  );
  await rig.addRoute('app.test', backend.address);
  rig.sni = 'app.test';
  for (const version of ['--http1.1', '--http2']) {
    const curl = async (...args: string[]): Promise<string> => {
      const base = ['-sk', version, '--max-time', '10', '--resolve', `app.test:${rig.port}:127.0.0.1`];
      return (await run('curl', [...base, ...args])).stdout;
    };
    const url = `https://app.test:${rig.port}`;
    expect(await curl('-w', '%{http_version} %{http_code}|', `${url}/`, `${url}/2`)).toMatch(
      /^hello(1\.1|2) 200\|hello(1\.1|2) 200\|$/,
    );
    expect(await curl('-I', `${url}/`)).toMatch(/content-length: 5/i);
    expect(await curl('-w', '%{http_code}', `${url}/204`)).toBe('204');
    expect(await curl('-w', '%{http_code}', `${url}/304`)).toBe('304');
  }
  await rig.recorded(10);
  expect(rig.records.map((record) => record.status).sort()).toEqual([200, 200, 200, 200, 200, 200, 204, 204, 304, 304]);
  expect(rig.handshakes).toHaveLength(8);
});

it('answers 100-continue when the backend side reads, and never forwards Expect', async () => {
  await using rig = await createRig();
  await using backend = await listenOn(
    createServer(async (request, response) => {
      response.end(`${request.headers.expect ?? 'none'} ${await bodyOf(request)}`);
    }),
  );
  await rig.addRoute('app.test', backend.address);
  const socket = await rig.tls('app.test');
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    if (text === 'HTTP/1.1 100 Continue\r\n\r\n') socket.write('abc');
  });
  socket.write(
    'POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n',
  );
  await new Promise((resolve) => socket.once('close', resolve));
  expect(text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
  expect(text).toMatch(/none abc/);
});
