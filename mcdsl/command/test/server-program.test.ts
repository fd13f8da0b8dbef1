import { appendFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import Sqlite from 'better-sqlite3';
import { describe, expect, it } from 'vitest';

import { openDatabase } from '../../database/index.ts';
import { place, run, startServer } from './fixture.ts';

const stackTrace = /^\s+at .*:\d+:\d+\)?$/m;

describe('config check', () => {
  it('is content with a right file', async () => {
    await using at = await place();
    const checked = await run(['config', 'check', '--config', at.file]);
    expect(checked).toMatchObject({ code: 0, stdout: `${at.file} is right\n`, stderr: '' });
  });

  it('prints every problem with its place and exits with 78', async () => {
    await using at = await place('port = 99999\nshutdown_timeot = "5s"');
    await appendFile(at.file, 'mode = "abc"\n');
    const { code, stdout } = await run(['--config', at.file, 'config', 'check']);
    expect(code).toBe(78);
    for (const place of [`${at.file}:1:`, `${at.file}:2:1`, `${at.file}:7:`]) expect(stdout).toContain(place);
    expect(stdout).toContain('shutdown_timeout');
    const json = await run(['config', 'check', '--json', '--config', at.file]);
    expect(json.code).toBe(78);
    expect((JSON.parse(json.stdout) as { problems: unknown[] }).problems).toHaveLength(3);
  });

  it('names a file that is not there', async () => {
    const { code, stdout, stderr } = await run(['config', 'check', '--config', '/nonexistent/demo.toml']);
    expect(code).toBe(78);
    expect(stdout).toContain('/nonexistent/demo.toml');
    expect(stdout + stderr).not.toMatch(stackTrace);
  });
});

describe('config schema, version, help', () => {
  it('prints the JSON Schema', async () => {
    const { code, stdout } = await run(['config', 'schema']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ title: 'demo.toml', properties: { port: { maximum: 65535 } } });
  });

  it('prints the version, also with a configuration that it does not need', async () => {
    expect(await run(['version', '--config', '/nowhere'])).toMatchObject({ code: 0, stdout: 'demo 1.2.3\n' });
    expect(await run(['--version'])).toMatchObject({ code: 0, stdout: 'demo 1.2.3\n' });
    expect(JSON.parse((await run(['version', '--json'])).stdout)).toMatchObject({ name: 'demo', version: '1.2.3' });
  });

  it('shows help', async () => {
    const { code, stdout, stderr } = await run(['--help']);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    for (const word of ['server', 'snapshot', 'migrate', 'config', 'version', '--config'])
      expect(stdout).toContain(word);
  });

  it.each([
    [[]],
    [['config']],
    [['serve']],
    [['server', '--cnfig', 'x']],
    [['server', '--config']],
    [['version', 'extra']],
    [['snapshot', '--keep', '0']],
    [['snapshot', '--keep', 'many']],
    [['snapshot', '--keep', '1e3']],
  ])('exits with 64 for %j', async (args) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toMatch(/--help|Usage/);
    expect(stderr).not.toMatch(stackTrace);
  });

  it('prints a wrong use as JSON when asked for JSON', async () => {
    const { code, stderr } = await run(['serve', '--json']);
    expect(code).toBe(64);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'usage', message: expect.stringContaining("'serve'") } });
  });
});

describe('migrate and snapshot', () => {
  it('migrates, once', async () => {
    await using at = await place();
    const first = await run(['migrate', '--config', at.file]);
    expect(first).toMatchObject({ code: 0, stdout: `${at.database} migrated from schema 0 to 2\n` });
    const second = await run(['migrate', '--config', at.file, '--json']);
    expect(JSON.parse(second.stdout)).toEqual({ path: at.database, from_version: 2, to_version: 2 });
  });

  it('exits with 78 for a database of a newer version, and leaves it as it is', async () => {
    await using at = await place();
    const migrations = [1, 2, 3].map((version) => ({
      version,
      name: `n${version}`,
      up: `CREATE TABLE t${version} (a)`,
    }));
    openDatabase({ path: at.database, migrations })[Symbol.dispose]();
    for (const command of ['migrate', 'server']) {
      const { code, stdout, stderr } = await run([command, '--config', at.file]);
      expect(code).toBe(78);
      expect(stdout + stderr).toContain('newer version');
      expect(stdout + stderr).not.toMatch(stackTrace);
    }
  });

  it('PX-24 writes a copy beside the database while the server runs, and keeps as many as told', async () => {
    await using at = await place();
    await using _server = await startServer(at.file);
    const taken = [];
    for (let i = 0; i < 3; i++) {
      const { code, stdout } = await run(['snapshot', '--keep', '2', '--json', '--config', at.file]);
      expect(code).toBe(0);
      taken.push(JSON.parse(stdout) as { path: string; schema_version: number; removed: string[] });
    }
    expect(taken[2]!.removed).toEqual([taken[0]!.path]);
    expect(taken[2]!.path.startsWith(join(at.folder, 'backups'))).toBe(true);
    const copy = new Sqlite(taken[2]!.path, { readonly: true });
    expect(copy.pragma('user_version', { simple: true })).toBe(2);
    copy.close();
  });

  it('tells of a missing database without a stack trace', async () => {
    await using at = await place();
    const { code, stderr } = await run(['snapshot', '--config', at.file]);
    expect(code).toBe(1);
    expect(stderr).toContain(`database ${at.database} does not exist`);
    expect(stderr).not.toMatch(stackTrace);
  });
});

describe('server', () => {
  it('serves, reloads, keeps the old configuration when the new one is wrong, and stops', async () => {
    await using at = await place('shutdown_timeout = "5s"');
    await appendFile(at.file, '[log]\nlevel = "debug"\n');
    await using server = await startServer(at.file);
    const good = await readFile(at.file, 'utf8');
    await writeFile(at.file, good.replace('5s', '5 parsecs'));
    server.child.kill('SIGHUP');
    const line = await server.said('reload failed, the old configuration stays');
    expect(line).toMatchObject({ code: 'config_invalid', reason: expect.stringContaining(`${at.file}:1:`) });
    await writeFile(at.file, good.replace('5s', '6s'));
    server.child.kill('SIGHUP');
    expect(await server.said('reload seen')).toMatchObject({ shutdown_timeout_ms: 6000 });
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);
    await expect(stat(at.socket)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('does not start with a wrong configuration: every problem on standard error, exit code 78', async () => {
    await using at = await place('port = 99999\nprot = 1');
    const { code, stdout, stderr } = await run(['server', '--config', at.file]);
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr).toContain(`${at.file}:1:`);
    expect(stderr).toContain(`${at.file}:2:`);
    expect(stderr).not.toMatch(stackTrace);
  });

  it('does not start beside another one, and says why in one line', async () => {
    await using at = await place();
    await using _server = await startServer(at.file);
    const { code, stdout } = await run(['server', '--config', at.file]);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.at(-1)).toMatchObject({ level: 'fatal', code: 'socket_in_use' });
    expect(stdout).not.toContain('.ts:');
    expect(code).toBe(1);
  });
});
