import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { describe, expect, it } from 'vitest';

import { demo, place, run, startServer } from './fixture.ts';

describe('a tool of the admin socket', () => {
  it('finds its socket by option or variable', async () => {
    await using at = await place();
    await using _server = await startServer(at.file);
    const byOption = await run(['ctl', 'status', '--socket', at.socket]);
    expect(byOption).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('server') });
    const byVariable = await run(['ctl', 'status', '--json'], { DEMO_ADMIN_SOCKET: at.socket });
    expect(JSON.parse(byVariable.stdout)).toContainEqual({ part: 'server', status: 1 });
  });

  it('exits with 3 and says what to do when nobody is there', async () => {
    await using at = await place();
    const { code, stdout, stderr } = await run(['ctl', 'status', '--socket', at.socket]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/^error: there is no socket at .*start the server/);
    const json = await run(['ctl', '--json', '--socket', at.socket, 'status']);
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'socket_missing' } });
  });

  it.each([[['nothing']], [['status', '--sokcet', 'x']], [['status', 'extra']], [[]]])(
    'exits with 64 for %j',
    async (args) => {
      expect((await run(['ctl', ...args])).code).toBe(64);
    },
  );

  it('exits with 1 at a mistake of its own', async () => {
    expect(await run(['ctl', 'bug'])).toMatchObject({ code: 1, stderr: 'error: x is not a function\n' });
  });

  it('exits with 130 at Ctrl-C', async () => {
    await using at = await place();
    await using _server = await startServer(at.file);
    const child = spawn(process.execPath, [demo, 'ctl', 'wait', '--socket', at.socket], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    expect((await once(child, 'exit'))[0]).toBe(130);
  });

  it('ends quietly when nobody reads on', async () => {
    const child = spawn(
      'sh',
      ['-c', '{ "$0" "$1" ctl many; echo "code $?" >&2; } | head -n 2', process.execPath, demo],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    await once(child, 'close');
    expect(out).toBe('line 0\nline 1\n');
    expect(err).toBe('code 0\n');
  });
});
