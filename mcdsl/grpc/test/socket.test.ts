import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { execFile, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { checkSocketPath, connectUnix } from '../index.ts';
import { DemoService, echo, startDemo } from './fixture.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mc-socket-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('an operator who names the wrong socket', () => {
  it('hears that it is missing', async () => {
    await expect(connectUnix(join(folder, 'none.sock'))).rejects.toMatchObject({
      code: 'socket_missing',
      message: expect.stringMatching(/no socket at .*start the server, or name the socket .*--socket/),
    });
  });

  it('hears that it is not a socket', async () => {
    const path = join(folder, 'file');
    await writeFile(path, '');
    await expect(connectUnix(path)).rejects.toMatchObject({ code: 'socket_invalid' });
  });

  it('hears that its server is gone', async () => {
    const path = join(folder, 'dead.sock');
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await expect(connectUnix(path)).rejects.toMatchObject({
      code: 'socket_refused',
      message: expect.stringContaining('nobody listens'),
    });
  });

  it.each(['', 'a\0b', `/tmp/${'x'.repeat(103)}`, `/tmp/${'é'.repeat(60)}`])('hears that %j cannot be one', (path) => {
    expect(() => checkSocketPath(path)).toThrow(expect.objectContaining({ code: 'socket_invalid' }));
  });

  it('may use a path of exactly the longest length', () => {
    expect(() => checkSocketPath(`/${'x'.repeat(106)}`)).not.toThrow();
  });

  // Only root can become another user to be refused.
  it.skipIf(process.getuid?.() !== 0)('hears that the permissions keep it out (skipped unless root)', async () => {
    const closed = join(folder, 'closed');
    await mkdir(closed, { mode: 0o700 });
    await chmod(folder, 0o755);
    const listener = createServer().listen(join(closed, 'a.sock'));
    const open = createServer().listen(join(folder, 'b.sock'));
    await Promise.all([once(listener, 'listening'), once(open, 'listening')]);
    await chmod(join(folder, 'b.sock'), 0o600);
    const run = async (path: string): Promise<string> => {
      const script = `import { explainSocket } from ${JSON.stringify(join(import.meta.dirname, '../unix-socket.ts'))};
        const load = await explainSocket(${JSON.stringify(join(folder, 'none'))}); if (load.code !== 'socket_missing') throw load;
        process.setuid(65534); const e = await explainSocket(${JSON.stringify(path)}); console.log(e.code, e.message);`;
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
      return stdout;
    };
    expect(await run(join(closed, 'a.sock'))).toMatch(/^socket_denied user 65534 may not enter .*closed/);
    expect(await run(join(folder, 'b.sock'))).toMatch(/^socket_denied user 65534 may not use .*mode 0600, user 0/);
    listener.close();
    open.close();
  });

  it('hears why when the server goes away during the session', async () => {
    const demo = await startDemo(echo);
    using connection = await connectUnix(demo.path);
    const client = connection.client(DemoService);
    await client.say({ text: '', count: 0 });
    await demo[Symbol.asyncDispose]();
    await expect(client.say({ text: '', count: 0 })).rejects.toMatchObject({ code: 'socket_missing' });
  });
});
