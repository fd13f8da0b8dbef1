import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { spawn } from 'node:child_process';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { startAdmin } from '../../admin/test/running-admin.ts';
import type { RunningAdmin } from '../../admin/test/running-admin.ts';
import { launcher, runCtl, startCtl } from './run-ctl.ts';

describe('mcproxyctl without its server', () => {
  let dir: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'mc-ctl-'));
  });

  afterEach(() => rmSync(dir, { recursive: true }));

  it('exits 3 and says what to do when there is no socket', async () => {
    const socket = join(dir, 'none.sock');
    const { code, stdout, stderr } = await runCtl(['--socket', socket, 'status']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain(`there is no socket at ${socket}: start the server`);
  });

  it('takes the socket from the environment, and the option before it', async () => {
    const env = { MC_PROXY_ADMIN_SOCKET: join(dir, 'env.sock') };
    expect((await runCtl(['status'], { env })).stderr).toContain('env.sock');
    expect((await runCtl(['status', '--socket', join(dir, 'option.sock')], { env })).stderr).toContain('option.sock');
  });

  it('exits 3 when nobody listens any more, as JSON where asked for', async () => {
    const socket = join(dir, 'dead.sock');
    // A server that is killed leaves its socket behind.
    const server = spawn(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(socket)}, () => console.log('up'))`,
    ]);
    await once(server.stdout, 'data');
    server.kill('SIGKILL');
    await once(server, 'exit');
    const { code, stderr } = await runCtl(['--socket', socket, '--json', 'routes', 'list']);
    expect(code).toBe(3);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'socket_refused', details: { path: socket } } });
  });

  it('exits 3 for a path that is no socket, and for a server that speaks no gRPC', async () => {
    const file = join(dir, 'file');
    writeFileSync(file, '');
    const noSocket = await runCtl(['--socket', file, 'status']);
    expect(noSocket).toMatchObject({ code: 3, stderr: expect.stringContaining('is not a socket') });
    const socket = join(dir, 'other.sock');
    const server = createServer((connection) => connection.destroy());
    server.listen(socket);
    await once(server, 'listening');
    expect((await runCtl(['--socket', socket, 'status'])).code).toBe(3);
    server.close();
  });
});

describe('mcproxyctl as part of a pipeline', () => {
  let running: RunningAdmin;

  beforeEach(async () => {
    running = await startAdmin();
  });

  afterEach(() => running[Symbol.asyncDispose]());

  const record = (client: string): void => running.events.record({ kind: 'refused', reason: 'no_sni', client });

  async function unsubscribed(): Promise<void> {
    while (running.events.subscribers > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  it('follows events until Ctrl-C and then exits 130', async () => {
    record('203.0.113.1');
    const child = startCtl(['--socket', running.socket, 'events', '--follow']);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toContain('203.0.113.1');
    record('203.0.113.2');
    expect((await lines.next()).value).toContain('203.0.113.2');
    const exited = once(child, 'exit');
    child.kill('SIGINT');
    expect(await exited).toEqual([130, null]);
    expect((await lines.next()).done).toBe(true);
    await unsubscribed();
  });

  it('begins to follow with the newest ten events', async () => {
    for (let i = 1; i <= 15; i++) record(`203.0.113.${i}`);
    const child = startCtl(['--socket', running.socket, 'events', '--follow', '--json']);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = JSON.parse((await lines.next()).value ?? '') as { client: string };
    expect(first.client).toBe('203.0.113.6');
    child.kill('SIGINT');
    await once(child, 'exit');
  });

  it('ends quietly when its reader has had enough', async () => {
    for (let i = 1; i <= 5; i++) record(`203.0.113.${i}`);
    const shell = spawn('bash', [
      '-c',
      'set -o pipefail; "$0" --socket "$1" events --follow | head -n 1',
      launcher,
      running.socket,
    ]);
    let stderr = '';
    shell.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
    await once(shell.stdout, 'data');
    // What follows cannot be written any more once head is gone.
    const noise = setInterval(() => record('203.0.113.99'), 10);
    const [code] = (await once(shell, 'close')) as [number];
    clearInterval(noise);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await unsubscribed();
  });

  it('leaves no subscription behind when it is killed', async () => {
    record('203.0.113.1');
    const child = startCtl(['--socket', running.socket, 'events', '--follow']);
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await unsubscribed();
  });

  it('exits 3 when the server shuts down under it', async () => {
    record('203.0.113.1');
    const child = startCtl(['--socket', running.socket, 'events', '--follow']);
    await once(child.stdout, 'data');
    const exited = once(child, 'exit');
    await running.shutDown();
    expect(await exited).toEqual([3, null]);
  });

  it('prints a long list whole into a pipe', async () => {
    for (let i = 0; i < 3000; i++) {
      await running.state.addRoute('', { hostname: `h${i}.example.test`, backends: ['10.0.0.9:443'], mode: 'l4' });
    }
    const { code, stdout } = await runCtl(['--socket', running.socket, 'routes', 'list', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toHaveLength(3001);
  });
});
