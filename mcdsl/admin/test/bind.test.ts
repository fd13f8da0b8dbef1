import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, lstat, mkdir, readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import { HealthService } from '../../../proto/gen/grpc/health/v1/health.ts';
import { connectUnix } from '../../grpc/index.ts';
import { groupId } from '../group.ts';
import { adminParts, openAdmin, scratchFolder } from './fixture.ts';

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) await end(child, 'SIGKILL');
});

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

async function hold(path: string, whenLive = 'refuse'): Promise<{ child: ChildProcess; result: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'holder.ts'), path, whenLive], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, result: chunk.toString().trim() };
}

async function check(path: string): Promise<string> {
  using connection = await connectUnix(path);
  return JSON.stringify(await connection.client(HealthService).check({ service: 'proxy' }));
}

describe('the path of the admin socket', () => {
  it('is there with mode 0660 and nothing beside it, and gone after closing', async () => {
    await using folder = await scratchFolder();
    const path = join(folder.path, 'a.sock');
    const admin = await openAdmin(path);
    expect((await stat(path)).mode & 0o7777).toBe(0o660);
    expect((await stat(path)).isSocket()).toBe(true);
    expect(await readdir(folder.path)).toEqual(['a.sock']);
    expect((await readdir(dirname(folder.path))).filter((name) => name.startsWith(basename(folder.path)))).toHaveLength(
      1,
    );
    await check(path);
    await admin.close(100);
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('takes another mode, whatever the umask is', async () => {
    await using folder = await scratchFolder();
    const path = join(folder.path, 'a.sock');
    const before = process.umask(0o077);
    try {
      await using _admin = await openAdmin(path, { mode: 0o606 });
      expect((await stat(path)).mode & 0o7777).toBe(0o606);
    } finally {
      process.umask(before);
    }
  });

  it('takes a group by number, and warns of one that does not exist', async () => {
    await using folder = await scratchFolder();
    const parts = adminParts();
    const gid = process.getgid!();
    await using _admin = await openAdmin(join(folder.path, 'a.sock'), { group: String(gid) }, parts);
    expect((await stat(join(folder.path, 'a.sock'))).gid).toBe(gid);
    await using _other = await openAdmin(join(folder.path, 'b.sock'), { group: 'no-such-group' }, parts);
    expect(parts.logger.lines.filter((line) => line.level === 'warn')).toMatchObject([
      { msg: expect.stringContaining('no such group'), fields: { group: 'no-such-group' } },
    ]);
  });

  // Without root there may be no other group to give the socket to.
  it.skipIf(process.getuid?.() !== 0)('takes a group by name (skipped unless root)', async () => {
    await using folder = await scratchFolder();
    const gid = await groupId('daemon');
    await using _admin = await openAdmin(join(folder.path, 'a.sock'), { group: 'daemon' });
    expect((await stat(join(folder.path, 'a.sock'))).gid).toBe(gid);
  });

  it('removes the socket of a process that was killed', async () => {
    await using folder = await scratchFolder();
    const path = join(folder.path, 'a.sock');
    const { child } = await hold(path);
    await end(child, 'SIGKILL');
    const stale = await lstat(path);
    await using _admin = await openAdmin(path);
    expect((await lstat(path)).ino).not.toBe(stale.ino);
    await check(path);
    expect(await readdir(folder.path)).toEqual(['a.sock']);
  });

  it('refuses to take it from a living process', async () => {
    await using folder = await scratchFolder();
    const path = join(folder.path, 'a.sock');
    await using _admin = await openAdmin(path);
    await expect(openAdmin(path)).rejects.toMatchObject({
      code: 'socket_in_use',
      message: expect.stringContaining(`another process listens on ${path}`),
    });
    await check(path);
    expect(await readdir(folder.path)).toEqual(['a.sock']);
  });

  it('goes to exactly one of several processes that start at once over a dead socket', async () => {
    await using folder = await scratchFolder();
    const path = join(folder.path, 'a.sock');
    const { child } = await hold(path);
    await end(child, 'SIGKILL');
    const results = await Promise.all(Array.from({ length: 6 }, () => hold(path)));
    expect(results.map(({ result }) => result).sort()).toEqual(
      ['open', ...Array<string>(5).fill('socket_in_use')].sort(),
    );
    await check(path);
    expect(await readdir(folder.path)).toEqual(['a.sock']);
  });

  it('stays with the process that took it over when the first one closes', async () => {
    await using folder = await scratchFolder();
    const path = join(folder.path, 'a.sock');
    const first = await openAdmin(path);
    using old = await connectUnix(path);
    const client = old.client(HealthService);
    await client.check({ service: 'proxy' });
    const { result } = await hold(path, 'replace');
    expect(result).toBe('open');
    const taken = await lstat(path);
    await client.check({ service: 'proxy' });
    await first.close(100);
    expect((await lstat(path)).ino).toBe(taken.ino);
    await check(path);
  });

  it('is no place for a file, which is left as it is', async () => {
    await using folder = await scratchFolder();
    const path = join(folder.path, 'mc-proxy.db');
    await writeFile(path, 'precious');
    await expect(openAdmin(path)).rejects.toMatchObject({ code: 'socket_invalid' });
    await expect(openAdmin(path, { whenLive: 'replace' })).rejects.toMatchObject({ code: 'socket_invalid' });
    expect(await readFile(path, 'utf8')).toBe('precious');
    expect(await readdir(folder.path)).toEqual(['mc-proxy.db']);
  });

  it('must fit into the kernel’s limit, in a directory that exists', async () => {
    await using folder = await scratchFolder();
    const long = join(folder.path, 'x'.repeat(107 - folder.path.length));
    await expect(openAdmin(long)).rejects.toMatchObject({
      code: 'socket_invalid',
      message: expect.stringMatching(/has 108 bytes; the kernel allows 107/),
    });
    await using _longest = await openAdmin(long.slice(0, -1));
    await expect(openAdmin(join(folder.path, 'none', 'a.sock'))).rejects.toMatchObject({
      code: 'socket_invalid',
      message: expect.stringContaining('does not exist: create it'),
    });
  });

  it('survives the removal of its path by somebody else', async () => {
    await using folder = await scratchFolder();
    const path = join(folder.path, 'sub', 'a.sock');
    await mkdir(join(folder.path, 'sub'));
    const admin = await openAdmin(path);
    await chmod(path, 0o600);
    await unlink(path);
    await admin.close(100);
  });
});
