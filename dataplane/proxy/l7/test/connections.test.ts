import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectNet, createServer as createNet } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { makeCa } from '../../test/certificates.ts';
import { frame, openWire, TYPE } from './h2-wire.ts';
import { createRig, listenOn, type Rig } from './harness.ts';

const run = promisify(execFile);

function hello() {
  return listenOn(createServer((request, response) => response.end(`hello from ${request.headers.host}`)));
}

async function status(rig: Rig, sni: string, host: string): Promise<number> {
  const text = await rig.raw(sni, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  return Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
}

describe('PX-8 misdirected requests', () => {
  it('421 when the host belongs to another route or to none; case, port and trailing dot are no difference', async () => {
    await using rig = await createRig();
    await using backend = await hello();
    await rig.addRoute('app.test', backend.address);
    await rig.addRoute('other.test', backend.address);
    await rig.addRoute('*.wild.test', backend.address);
    expect(await status(rig, 'app.test', 'app.test')).toBe(200);
    expect(await status(rig, 'app.test', 'APP.Test:8443')).toBe(200);
    expect(await status(rig, 'app.test', 'app.test.')).toBe(200);
    expect(await status(rig, 'app.test', 'other.test')).toBe(421);
    expect(await status(rig, 'app.test', 'nobody.test')).toBe(421);
    expect(await status(rig, 'app.test', '127.0.0.1')).toBe(421);
    expect(await status(rig, 'app.test', 'a.wild.test')).toBe(421);
    // One route by two names is no misdirection.
    expect(await status(rig, 'a.wild.test', 'b.wild.test')).toBe(200);
    await rig.addRoute('b.wild.test', backend.address);
    expect(await status(rig, 'a.wild.test', 'b.wild.test')).toBe(421);
    expect(rig.refusals.every((refusal) => refusal.reason === 'misdirected')).toBe(true);
  });

  it('421 over HTTP/2 by :authority, on the connection that goes on serving its own', async () => {
    await using rig = await createRig();
    await using backend = await hello();
    await rig.addRoute('app.test', backend.address);
    await rig.addRoute('other.test', backend.address);
    const socket = await rig.tls('app.test', { ALPNProtocols: ['h2'] });
    const session = connectHttp2('https://app.test', { createConnection: () => socket });
    const ask = async (authority: string): Promise<unknown> => {
      const stream = session.request({ ':authority': authority });
      const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
      stream.resume();
      return headers[':status'];
    };
    expect(await ask('app.test')).toBe(200);
    expect(await ask('other.test')).toBe(421);
    expect(await ask('app.test:443')).toBe(200);
    session.close();
  });

  it('a client without SNI means the default route by any name that is no other route’s', async () => {
    await using rig = await createRig();
    await using backend = await hello();
    await rig.addRoute('default.test', backend.address);
    await rig.addRoute('other.test', backend.address);
    expect(await status(rig, '', 'default.test')).toBe(200);
    expect(await status(rig, '', 'nobody.test')).toBe(200);
    expect(await status(rig, '', '127.0.0.1')).toBe(200);
    expect(await status(rig, '', 'other.test')).toBe(421);
  });

  it('resumption tickets are bound to their route', async () => {
    await using rig = await createRig();
    await using backend = await hello();
    await rig.addRoute('app.test', backend.address);
    await rig.addRoute('other.test', backend.address);
    const first = await rig.tls('app.test');
    const session = await new Promise<Buffer>((resolve) => first.once('session', resolve));
    first.destroy();
    const again = await rig.tls('app.test', { session });
    expect(again.isSessionReused()).toBe(true);
    again.destroy();
    const elsewhere = await rig.tls('other.test', { session, checkServerIdentity: () => undefined });
    expect(elsewhere.isSessionReused()).toBe(false);
    elsewhere.destroy();
  });
});

describe('TLS', () => {
  it('TLS 1.2 gets the alert protocol_version and is counted', async () => {
    await using rig = await createRig();
    await rig.addRoute('app.test', '127.0.0.1:1');
    rig.sni = 'app.test';
    const client = run('openssl', [
      's_client',
      '-connect',
      `127.0.0.1:${rig.port}`,
      '-servername',
      'app.test',
      '-tls1_2',
    ]);
    client.child.stdin?.end();
    await expect(client).rejects.toThrow(/alert protocol version/);
    await rig.refused(1);
    expect(rig.refusals[0]).toMatchObject({ reason: 'tls_version', route: 'app.test', sni: 'app.test' });
  });

  it('a hello that was read ahead and put back is served', async () => {
    await using rig = await createRig();
    await using backend = await hello();
    const route = await rig.addRoute('app.test', backend.address);
    const front = createNet((socket) => {
      socket.once('data', (chunk: Buffer) => {
        socket.pause();
        socket.unshift(chunk);
        const info = { ...rig.disguise, id: 'x', listener: ':443', clientIp: '127.0.0.1', clientPort: 1 };
        const rest = { peerIp: '127.0.0.1', localIp: '127.0.0.1', localPort: 1, proxied: false, sni: 'app.test' };
        rig.terminator.terminate(socket, { ...info, ...rest, viaId: null, acceptedAt: 0 }, route);
      });
    });
    await using listening = await listenOn(front);
    const socket = connectTls({ port: listening.port, servername: 'app.test', ca: rig.ca.caPem });
    socket.write('GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n');
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    expect(text).toMatch(/hello from app\.test/);
  });

  it('a route without a usable certificate resets', async () => {
    await using rig = await createRig();
    const material = { certificate: null, clientCaPem: null, backendCaPem: null };
    await rig.addRoute('none.test', '127.0.0.1:1', { material });
    await rig.addRoute('bad.test', '127.0.0.1:1', {
      material: { ...material, certificate: { certPem: 'x', keyPem: 'y' } },
    });
    await expect(rig.tls('none.test')).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect(rig.tls('bad.test')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(rig.refusals.map((refusal) => refusal.reason)).toEqual([
      'certificate_unavailable',
      'certificate_unavailable',
    ]);
  });

  it('client_ca: no certificate and a stranger’s are refused, the right one passes, also when resumed', async () => {
    await using rig = await createRig();
    await using backend = await hello();
    const route = await rig.addRoute('app.test', backend.address);
    const material = { ...route.material, clientCaPem: rig.ca.caPem };
    await rig.addRoute('app.test', backend.address, { material });
    const ask = async (options: object): Promise<string> => {
      const socket = await rig.tls('app.test', options);
      socket.on('error', () => socket.destroy());
      socket.write('GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n');
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
      await new Promise((resolve) => socket.once('close', resolve));
      return text;
    };
    expect(await ask({})).toBe('');
    const stranger = await (await makeCa('Other')).issue({ names: ['client'] });
    expect(await ask({ cert: stranger.certPem, key: stranger.keyPem })).toBe('');
    const friend = await rig.ca.issue({ names: ['client'] });
    expect(await ask({ cert: friend.certPem, key: friend.keyPem })).toMatch(/^HTTP\/1\.1 200 /);
    await rig.refused(2);
    expect(rig.refusals.map((refusal) => refusal.reason)).toEqual(['client_certificate', 'client_certificate']);
  });

  it('a handshake that stalls is closed at its deadline', async () => {
    await using rig = await createRig({ headerTimeoutMs: 300 });
    await rig.addRoute('app.test', '127.0.0.1:1');
    rig.sni = 'app.test';
    const socket = connectNet(rig.port, '127.0.0.1');
    socket.write(Buffer.from('160301', 'hex'));
    socket.resume();
    await once(socket, 'close');
    await rig.refused(1);
    expect(rig.refusals[0]).toMatchObject({ reason: 'tls_handshake', detail: 'ERR_TLS_HANDSHAKE_TIMEOUT' });
    await rig.idle();
  });

  it('a client that goes away in the handshake is counted and forgotten', async () => {
    await using rig = await createRig();
    await rig.addRoute('app.test', '127.0.0.1:1');
    rig.sni = 'app.test';
    const client = run('openssl', ['s_client', '-connect', `127.0.0.1:${rig.port}`, '-groups', 'P-521']);
    client.child.stdin?.end();
    await expect(client).rejects.toThrow();
    await rig.refused(1);
    expect(rig.refusals[0]?.reason).toBe('tls_handshake');
  });

  it('resetting the socket that was handed over resets the client', async () => {
    await using rig = await createRig();
    await using backend = await hello();
    await rig.addRoute('app.test', backend.address);
    const socket = await rig.tls('app.test');
    socket.write('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
    await once(socket, 'data');
    const failed = once(socket, 'error');
    await rig.terminator[Symbol.asyncDispose]();
    expect(await failed).toMatchObject([{ code: 'ECONNRESET' }]);
    expect(rig.terminator.active).toBe(0);
  });
});

describe('PX-13 policies', () => {
  it('403 by User-Agent and by missing header; rules change for connections that are open', async () => {
    await using rig = await createRig();
    await using backend = await hello();
    const policies = { blockUserAgents: ['zgrab'], requireHeaders: ['X-Key'] };
    await rig.addRoute('app.test', backend.address, { policies });
    const ask = (fields: string): string => `GET / HTTP/1.1\r\nHost: app.test\r\n${fields}\r\n`;
    const socket = await rig.tls('app.test');
    const answers: string[] = [];
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const answer = async (fields: string): Promise<void> => {
      text = '';
      const count = rig.records.length;
      socket.write(ask(fields));
      await rig.recorded(count + 1);
      while (!/\r\n\r\n./s.test(text)) await once(socket, 'data');
      answers.push(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? text);
    };
    await answer('X-Key: 1\r\nUser-Agent: Mozilla ZGrab/0.x\r\n');
    await answer('User-Agent: curl\r\n');
    await answer('x-key: 1\r\nUser-Agent: curl\r\n');
    await rig.addRoute('app.test', backend.address);
    await answer('User-Agent: zgrab\r\n');
    expect(answers).toEqual(['403', '403', '200', '200']);
    expect(rig.refusals.map(({ reason, rule }) => [reason, rule])).toEqual([
      ['ua_blocked', 'block_user_agents zgrab'],
      ['header_required', 'require_headers X-Key'],
    ]);
    socket.destroy();
  });
});

it('PINGs do not keep an HTTP/2 connection that asks for nothing beyond idle_timeout', async () => {
  await using rig = await createRig({ idleTimeoutMs: 1_000 });
  await rig.addRoute('app.test', '127.0.0.1:1');
  using client = await openWire(rig);
  const pings = setInterval(() => client.send(frame(TYPE.ping, 0, 0, Buffer.alloc(8))), 50);
  expect(await client.goaway()).toBe(0);
  await client.closed;
  clearInterval(pings);
  await rig.idle();
  expect(rig.refusals).toEqual([]);
});

describe('drain', () => {
  it('a response that has begun is finished, and its kept connection ends after it', async () => {
    await using rig = await createRig();
    const begun = Promise.withResolvers<() => void>();
    await using backend = await listenOn(
      createServer((_request, response) => {
        response.write('early ');
        begun.resolve(() => response.end('late'));
      }),
    );
    await rig.addRoute('app.test', backend.address);
    const socket = await rig.tls('app.test');
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.write('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
    const finish = await begun.promise;
    await once(socket, 'data');
    rig.terminator.drain();
    finish();
    await once(socket, 'close');
    expect(text).toMatch(/early [^]*late\r\n0\r\n\r\n$/);
  });

  it('idle connections end, a request under way is answered with Connection: close, HTTP/2 gets GOAWAY', async () => {
    await using rig = await createRig();
    const held = Promise.withResolvers<() => void>();
    await using backend = await listenOn(
      createServer((request, response) => {
        if (request.url === '/held') held.resolve(() => response.end('late'));
        else response.end('at once');
      }),
    );
    await rig.addRoute('app.test', backend.address);
    const idle = await rig.tls('app.test');
    idle.write('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
    await once(idle, 'data');
    await rig.recorded(1);
    const busy = await rig.tls('app.test');
    const h2 = await rig.tls('app.test', { ALPNProtocols: ['h2'] });
    const session = connectHttp2('https://app.test', { createConnection: () => h2 });
    await once(session, 'remoteSettings');
    let text = '';
    busy.on('data', (chunk: Buffer) => (text += chunk.toString()));
    busy.write('GET /held HTTP/1.1\r\nHost: app.test\r\n\r\n');
    const finish = await held.promise;
    const goaway = once(session, 'goaway');
    idle.resume();
    const ended = once(idle, 'end');
    rig.terminator.drain();
    await Promise.all([ended, goaway]);
    finish();
    await once(busy, 'close');
    expect(text).toMatch(/connection: close/i);
    expect(text).toMatch(/late/);
    session.close();
  });
});
