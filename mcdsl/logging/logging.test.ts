import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { stripVTControlCharacters } from 'node:util';

import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createLogger, isSecretKey, openLogDestination } from './index.ts';
import type { LogDestination, LoggerOptions, RootLogger } from './index.ts';

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'mc-logging-'));
});
afterEach(() => fs.rmSync(dir, { recursive: true }));

function memory(): LogDestination & { lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    write: (line) => void lines.push(line),
    flush: () => undefined,
    stats: () => ({ droppedLines: 0, bufferedBytes: 0 }),
    [Symbol.dispose]: () => undefined,
  };
}

function collect(options: Partial<LoggerOptions> = {}): { log: RootLogger; lines: string[]; last: () => unknown } {
  const destination = memory();
  const log = createLogger({ service: 'demo', level: 'info', destination, ...options });
  return { log, lines: destination.lines, last: () => JSON.parse(destination.lines.at(-1) ?? 'null') };
}

describe('log lines', () => {
  it('are one JSON object with level, ISO time, service, msg and fields', () => {
    const { log, lines } = collect();
    log.warn('backend "a" is down\nreally', { backend: 'a:1', attempts: 3, bytes: 10n, body: Buffer.from('abc') });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\{[^\n]*\}\n$/);
    expect(JSON.parse(lines[0]!)).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      service: 'demo',
      msg: 'backend "a" is down\nreally',
      backend: 'a:1',
      attempts: 3,
      bytes: '10',
      body: '[3 bytes]',
    });
  });

  it('keep their own keys apart from fields of the same name', () => {
    const { log, last } = collect();
    log.info('real', { msg: 'forged', level: 'fatal', service: 'other', time: 0 });
    expect(last()).toMatchObject({
      msg: 'real',
      level: 'info',
      service: 'demo',
      field_msg: 'forged',
      field_level: 'fatal',
    });
  });

  it('carry errors with stack, own properties and causes', () => {
    const { log, last } = collect();
    const cause = Object.assign(new TypeError('inner'), { code: 'ECONNREFUSED' });
    log.error('failed', { err: new Error('outer', { cause }) });
    expect(last()).toMatchObject({
      err: {
        type: 'Error',
        message: 'outer',
        stack: expect.stringContaining('logging.test.ts'),
        cause: { type: 'TypeError', message: 'inner', code: 'ECONNREFUSED' },
      },
    });
  });

  it('are written from the level on, which can change at runtime for children too', () => {
    const { log, lines } = collect();
    const child = log.child({ part: 'p' });
    child.debug('no');
    expect([log.level(), child.enabled('debug')]).toEqual(['info', false]);
    log.setLevel('debug');
    expect([log.level(), child.enabled('debug')]).toEqual(['debug', true]);
    child.debug('yes');
    log.setLevel('fatal');
    child.error('no');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ msg: 'yes', part: 'p', level: 'debug' }]);
  });
});

describe('redaction', () => {
  it('hides secrets by key at any depth, and in children', () => {
    const { log, lines } = collect();
    const planted = 'PLANTED-4711';
    log.child({ apiKey: planted, session: { 'Set-Cookie': planted } }).info('x', {
      token: planted,
      headers: { Authorization: planted, 'x-csrf-token': [planted] },
      list: [{ user: { userPassword: planted, PASSPHRASE: planted } }],
      err: Object.assign(new Error('e'), { clientSecret: planted }),
      map: new Map([['private_key', planted]]),
    });
    expect(lines[0]).not.toContain(planted);
    expect(lines[0]!.split('[redacted]')).toHaveLength(10);
  });

  it('hides private keys wherever they stand and keeps names that only tell about secrets', () => {
    const { log, last } = collect();
    const pem = '-----BEGIN EC PRIVATE KEY-----\nPLANTED\n-----END EC PRIVATE KEY-----';
    log.info('x', {
      tls_key: pem,
      file: ['a', pem],
      token_id: 7,
      password_length: 12,
      tokens_total: 3,
      tls_key_path: '/a',
    });
    expect(last()).toMatchObject({ tls_key: '[redacted]', file: ['a', '[redacted]'], tls_key_path: '/a' });
    expect(last()).toMatchObject({ token_id: 7, password_length: 12, tokens_total: 3 });
  });

  it('tells whether a secret is set', () => {
    const { log, last } = collect();
    log.info('x', { password: null, secret: true, token: '' });
    expect(last()).toMatchObject({ password: null, secret: true, token: '[redacted]' });
  });

  it('knows secret keys in any spelling', () => {
    for (const key of ['token', 'accessToken', 'ACCESS_TOKEN', 'x-auth-token', 'privateKey', 'api-key', 'cookie']) {
      expect([key, isSecretKey(key)]).toEqual([key, true]);
    }
    for (const key of ['key', 'tokenizer', 'hostname', 'public_key', 'author', 'secretary']) {
      expect([key, isSecretKey(key)]).toEqual([key, false]);
    }
  });
});

describe('any input', () => {
  it('gives one parsable line and no exception', () => {
    const { log, lines } = collect();
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.dictionary(fc.string(), fc.anything()), (msg, fields) => {
        lines.length = 0;
        log.info(msg, fields);
        expect(lines).toHaveLength(1);
        expect(lines[0]!.indexOf('\n')).toBe(lines[0]!.length - 1);
        expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'info', service: 'demo' });
      }),
    );
  });

  it('survives cycles, getters that throw, revoked proxies, and bounds what is huge', () => {
    const { log, lines, last } = collect();
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const bad = Object.defineProperty({}, 'boom', {
      enumerable: true,
      get: () => {
        throw new RangeError('no');
      },
    });
    log.info('x', { cycle, proxy, bad, long: 'a'.repeat(1e6), wide: Array.from({ length: 1e5 }, () => 1) });
    expect(last()).toMatchObject({ cycle: { self: '[circular]' }, bad: { boom: '[unreadable: RangeError]' } });
    expect(lines[0]!.length).toBeLessThan(20_000);
    let deep: Record<string, unknown> = {};
    for (let i = 0; i < 10_000; i++) deep = { deep };
    log.info('x', { deep });
    expect(lines[1]!.length).toBeLessThan(500);
  });
});

describe('pretty lines', () => {
  it('cannot be made to steer the terminal', () => {
    const { log, lines } = collect({ pretty: true });
    const evil = '\u001b]0;title\u0007\u009b2J\r\u202e';
    log.info(`sni ${evil}`, { sni: evil, [evil]: 1, err: new Error(evil) });
    const plain = stripVTControlCharacters(lines.join(''));
    expect(plain).toMatch(/INFO: sni \\x1b\]0;title/);
    expect(plain).not.toMatch(/\p{Cc}(?<!\n)|\u202e/u);
  });
});

describe('destinations', () => {
  it('append to a file and flush on dispose', () => {
    const file = path.join(dir, 'log');
    const fd = fs.openSync(file, 'a');
    const destination = openLogDestination(fd);
    for (let i = 0; i < 5000; i++) destination.write(`line ${i}\n`);
    destination[Symbol.dispose]();
    fs.closeSync(fd);
    expect(fs.readFileSync(file, 'utf8').trimEnd().split('\n')).toEqual(
      Array.from({ length: 5000 }, (_, i) => `line ${i}`),
    );
  });

  it('never wait for a stalled reader: the buffer is bounded, drops are whole lines and counted', async () => {
    const fifo = path.join(dir, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const keeper = fs.openSync(fifo, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
    const destination = openLogDestination(keeper, { maxBufferedBytes: 100_000 });
    const line = `${'x'.repeat(999)}\n`;
    for (let i = 0; i < 400; i++) {
      destination.write(line);
      if (i % 10 === 0) await new Promise(setImmediate);
    }
    const stalled = destination.stats();
    expect(stalled.bufferedBytes).toBeLessThanOrEqual(100_000);
    expect(stalled.droppedLines).toBeGreaterThan(200);
    const copy = path.join(dir, 'copy');
    const copyFd = fs.openSync(copy, 'w');
    const reader = spawn('cat', [fifo], { stdio: ['ignore', copyFd, 'inherit'] });
    destination.flush(20_000);
    expect(destination.stats()).toEqual({ droppedLines: stalled.droppedLines, bufferedBytes: 0 });
    destination[Symbol.dispose]();
    fs.closeSync(keeper);
    await once(reader, 'exit');
    fs.closeSync(copyFd);
    expect(fs.readFileSync(copy, 'utf8')).toBe(line.repeat(400 - stalled.droppedLines));
  });

  it('count what is written after the reader has gone, without an exception', () => {
    const fifo = path.join(dir, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const reader = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    const writer = fs.openSync(fifo, fs.constants.O_WRONLY);
    const destination = openLogDestination(writer);
    fs.closeSync(reader);
    destination.write('a\n');
    destination.write('b\n');
    destination.flush(1000);
    expect(destination.stats()).toEqual({ droppedLines: 2, bufferedBytes: 0 });
    destination[Symbol.dispose]();
    fs.closeSync(writer);
  });
});

describe('processes', () => {
  const program = (body: string): string[] => [
    '--input-type=module-typescript',
    '--eval',
    `import { createLogger } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
     const log = createLogger({ service: 'demo', level: 'info' });
     ${body}`,
  ];

  it.each(['process.exit(3)', 'throw new Error("crash")', ''])('flush their lines at exit: %j', async (end) => {
    const child = spawn(process.execPath, program(`for (let i = 0; i < 2000; i++) log.info('n' + i); ${end}`), {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const output = await text(child.stdout);
    expect(
      output
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).msg),
    ).toEqual(Array.from({ length: 2000 }, (_, i) => `n${i}`));
  });

  it('exit although nobody reads their log, over a pipe and over a socket', async () => {
    const args = program(`for (let i = 0; i < 50_000; i++) log.info('x'.repeat(100));
      setTimeout(() => { process.stderr.write(String(log.stats().droppedLines > 0)); process.exit(0); }, 10);`);
    // Node gives a child a socket where it says pipe.
    const overSocket = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const socketVerdict = text(overSocket.stderr);
    const [socketCode] = await once(overSocket, 'exit');
    overSocket.stdout.destroy();
    expect([socketCode, await socketVerdict]).toEqual([0, 'true']);
    const fifo = path.join(dir, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const keeper = fs.openSync(fifo, fs.constants.O_RDWR);
    const child = spawn(process.execPath, args, { stdio: ['ignore', keeper, 'pipe'] });
    const verdict = text(child.stderr!);
    const [code] = await once(child, 'exit');
    fs.closeSync(keeper);
    expect([code, await verdict]).toEqual([0, 'true']);
  });
});
