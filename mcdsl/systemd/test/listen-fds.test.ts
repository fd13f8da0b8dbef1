import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseListenFds } from '../index.ts';

const pid = 4711;

describe('socket activation', () => {
  it('reads names and numbers', () => {
    const env = { LISTEN_PID: '4711', LISTEN_FDS: '3', LISTEN_FDNAMES: 'https:dns:https' };
    expect([...parseListenFds(env, pid)]).toEqual([
      ['https', [3, 5]],
      ['dns', [4]],
    ]);
    expect([...parseListenFds({ LISTEN_PID: '4711', LISTEN_FDS: '2' }, pid)]).toEqual([['unknown', [3, 4]]]);
    const noName = { LISTEN_PID: '4711', LISTEN_FDS: '2', LISTEN_FDNAMES: ':a' };
    expect([...parseListenFds(noName, pid).keys()]).toEqual(['unknown', 'a']);
  });

  it.each([
    {},
    { LISTEN_FDNAMES: 'a' },
    { LISTEN_PID: '4712', LISTEN_FDS: '1' },
    { LISTEN_PID: '4711', LISTEN_FDS: '0' },
  ])('finds nothing for us in %j', (env) => {
    expect(parseListenFds(env, pid).size).toBe(0);
  });

  it.each([
    { LISTEN_PID: '4711' },
    { LISTEN_FDS: '1' },
    { LISTEN_PID: '', LISTEN_FDS: '1' },
    { LISTEN_PID: ' 4711', LISTEN_FDS: '1' },
    { LISTEN_PID: '4711x', LISTEN_FDS: '1' },
    { LISTEN_PID: '0x1267', LISTEN_FDS: '1' },
    { LISTEN_PID: '04711', LISTEN_FDS: '1' },
    { LISTEN_PID: '-1', LISTEN_FDS: '1' },
    { LISTEN_PID: '4711', LISTEN_FDS: '-1' },
    { LISTEN_PID: '4711', LISTEN_FDS: '1e3' },
    { LISTEN_PID: '4711', LISTEN_FDS: '99999' },
    { LISTEN_PID: '4711', LISTEN_FDS: '99999999999999999999' },
    { LISTEN_PID: '4711', LISTEN_FDS: '1', LISTEN_FDNAMES: 'a:b' },
    { LISTEN_PID: '4711', LISTEN_FDS: '2', LISTEN_FDNAMES: 'a' },
    { LISTEN_PID: '4711', LISTEN_FDS: '0', LISTEN_FDNAMES: 'a' },
    { LISTEN_PID: '4711', LISTEN_FDS: '1', LISTEN_FDNAMES: 'a\n' },
    { LISTEN_PID: '4711', LISTEN_FDS: '1', LISTEN_FDNAMES: 'é' },
    { LISTEN_PID: '4711', LISTEN_FDS: '1', LISTEN_FDNAMES: 'x'.repeat(256) },
  ])('refuses %j', (env) => {
    expect(() => parseListenFds(env, pid)).toThrow(expect.objectContaining({ code: 'activation_invalid' }));
  });

  it('gives each descriptor from 3 on to exactly one name, for any names', () => {
    const name = fc.stringMatching(/^[\x20-\x39\x3b-\x7e]{0,20}$/);
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 20 }), (names) => {
        const env = { LISTEN_PID: '9', LISTEN_FDS: String(names.length), LISTEN_FDNAMES: names.join(':') };
        const fds = [...parseListenFds(env, 9).values()].flat().sort((a, b) => a - b);
        expect(fds).toEqual(names.map((_, i) => 3 + i));
      }),
    );
  });

  it('never throws anything but its own error', () => {
    const value = fc.option(fc.string({ unit: 'binary', maxLength: 30 }), { nil: undefined });
    fc.assert(
      fc.property(value, value, value, (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES) => {
        try {
          parseListenFds({ LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES }, 1);
        } catch (error) {
          expect(error).toMatchObject({ code: 'activation_invalid' });
        }
      }),
    );
  });

  it('takes a real listening socket, and hides the variables from children', async () => {
    const listener = createServer((socket) => socket.end('parent')).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as AddressInfo;
    const handle = (listener as unknown as { _handle: { fd: number } })._handle;
    const module = JSON.stringify(`${import.meta.dirname}/../listen-fds.ts`);
    const script = `import { takeListenFds } from ${module}; import { createServer } from 'node:net';
      const [fd] = takeListenFds().get('https');
      const server = createServer((s) => s.end()).listen({ fd }, () => {
        console.log(JSON.stringify([server.address().port, process.env.LISTEN_FDS ?? null, process.env.LISTEN_PID ?? null]));
        process.exit();
      });`;
    // The shell execs node, so that $$ is the pid of node: what systemd does and what the launchers in bin/ do.
    const command = 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=https exec "$0" --input-type=module -e "$1"';
    const child = spawn('sh', ['-c', command, process.execPath, script], {
      stdio: ['ignore', 'pipe', 'inherit', handle.fd],
    });
    expect(JSON.parse(await text(child.stdout!))).toEqual([port, null, null]);
    listener.close();
  });

  it('refuses a descriptor that is no socket', async () => {
    const module = JSON.stringify(`${import.meta.dirname}/../listen-fds.ts`);
    const script = `import { takeListenFds } from ${module}; try { takeListenFds() } catch (e) { console.log(e.code, e.message) }`;
    const command = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" --input-type=module -e "$1"';
    const child = spawn('sh', ['-c', command, process.execPath, script], {
      stdio: ['ignore', 'pipe', 'inherit', 'ignore'],
    });
    expect(await text(child.stdout!)).toMatch(/^activation_invalid .*descriptor 3 \(unknown\) is not a socket/);
  });
});
