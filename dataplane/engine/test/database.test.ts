import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildClientHello } from '../../proxy/client-hello/test/build-client-hello.ts';
import { ctlJson } from './proxy-control.ts';
import { makeTempDir, ROOT, run, startMcProxy, type CommandResult, type RunningProxy } from './running-proxy.ts';
import { fate, startTcpBackend, type TcpBackend } from './tcp-peers.ts';

const LISTENER = '127.0.0.1:0';

describe('the database of a running mc-proxy', { timeout: 90_000 }, () => {
  let dir: string;
  let file: string;
  let backend: TcpBackend;

  beforeEach(async () => {
    dir = makeTempDir();
    file = join(dir, 'mc-proxy.db');
    backend = await startTcpBackend((socket) => socket.end('served'));
  });
  afterEach(async () => {
    await backend[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  const start = (env: NodeJS.ProcessEnv = {}): Promise<RunningProxy> =>
    startMcProxy(
      () => `
[[listeners]]
addr = "${LISTENER}"
[[listeners.routes]]
hostname = "config.test"
backend = "${backend.address}"
mode = "l4"
`,
      { dir, env },
    );
  const asks = async (proxy: RunningProxy, sni: string): Promise<string> =>
    String(await fate(proxy.port(LISTENER), buildClientHello(sni)));
  const add = (proxy: RunningProxy, hostname: string): Promise<CommandResult> =>
    proxy.ctl('routes', 'add', '--hostname', hostname, '--backend', backend.address, '--mode', 'l4');
  const setAside = (): string[] => readdirSync(dir).filter((name) => /^mc-proxy\.db\.corrupt-\d{8}T\d{6}Z$/.test(name));

  it.each([
    { what: 'no database at all', damage: () => writeFileSync(file, 'not a database, by far '.repeat(500)) },
    { what: 'pages of garbage', damage: () => writeFileSync(file, readFileSync(file).fill(0x5a, 4096)) },
    { what: 'half of it', damage: () => writeFileSync(file, readFileSync(file).subarray(0, statSync(file).size / 2)) },
  ])('PX-15 $what: set aside under a dated name, and the routes of the file serve', async ({ damage }) => {
    {
      await using before = await start();
      expect(await add(before, 'api.test')).toMatchObject({ code: 0 });
      before.signal('SIGTERM');
      await before.ended;
    }
    damage();
    const damaged = readFileSync(file);
    await using proxy = await start();
    expect(await asks(proxy, 'config.test')).toBe('served');
    expect(await asks(proxy, 'api.test')).toBe('reset');
    const [kept = ''] = setAside();
    expect(readFileSync(join(dir, kept))).toEqual(damaged);
    const warning = expect.stringContaining(
      `is now ${join(dir, kept)}; routes and rules of the API are gone`,
    ) as string;
    expect((await ctlJson(proxy, 'status')) as object).toMatchObject({ warnings: [warning] });
    expect(proxy.lines.find(({ msg }) => msg.includes('was damaged'))).toMatchObject({ level: 'warn', msg: warning });
    expect(await add(proxy, 'api.test')).toMatchObject({ code: 0 });
    expect(await asks(proxy, 'api.test')).toBe('served');
  });

  it('PX-15 locked by another process: an admin write fails and says so, traffic goes on, a later write works', async () => {
    await using proxy = await start();
    using lock = openDatabase(file);
    lock.exec('BEGIN EXCLUSIVE');
    const written = new AbortController();
    const writing = add(proxy, 'api.test').finally(() => written.abort());
    while (!written.signal.aborted) expect(await asks(proxy, 'config.test')).toBe('served');
    expect(await writing).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/another process holds the write lock.*database_locked/) as string,
    });
    expect(await asks(proxy, 'api.test')).toBe('reset');
    lock.exec('ROLLBACK');
    expect(await add(proxy, 'api.test')).toMatchObject({ code: 0 });
    expect(await asks(proxy, 'api.test')).toBe('served');
  });

  it.skipIf(process.getuid?.() !== 0)(
    'PX-15 disk full (needs root, to mount a small disk): a write fails and changes nothing, traffic goes on',
    async () => {
      const disk = join(dir, 'disk');
      expect(await run('mkdir', [disk])).toMatchObject({ code: 0 });
      expect(await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk])).toMatchObject({ code: 0 });
      try {
        await using proxy = await start({ MC_PROXY_DATABASE_PATH: join(disk, 'mc-proxy.db') });
        expect(await add(proxy, 'early.test')).toMatchObject({ code: 0 });
        const filler = join(disk, 'filler');
        expect((await run('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1024'])).stderr).toMatch(/No space left/);
        expect(await add(proxy, 'api.test')).toMatchObject({
          code: 1,
          stderr: expect.stringMatching(/the disk is full; nothing was changed.*database_full/) as string,
        });
        expect(await asks(proxy, 'api.test')).toBe('reset');
        expect(await asks(proxy, 'config.test')).toBe('served');
        expect(await asks(proxy, 'early.test')).toBe('served');
        rmSync(filler);
        expect(await add(proxy, 'api.test')).toMatchObject({ code: 0 });
        expect(await asks(proxy, 'api.test')).toBe('served');
      } finally {
        await run('umount', ['--lazy', disk]);
      }
    },
  );

  it('PX-24 snapshot copies the database of the running server and keeps the newest N', async () => {
    await using proxy = await start();
    const snapshot = async (...args: string[]): Promise<{ path: string; removed: string[] }> => {
      const config = join(dir, 'mc-proxy.toml');
      const result = await run(join(ROOT, 'bin/mc-proxy'), ['snapshot', '--config', config, '--json', ...args]);
      expect(result).toMatchObject({ code: 0, stderr: '' });
      return JSON.parse(result.stdout) as { path: string; removed: string[] };
    };
    const hostnames: string[] = [];
    const copies: string[] = [];
    for (const hostname of ['a.test', 'b.test', 'c.test']) {
      hostnames.push(hostname);
      expect(await add(proxy, hostname)).toMatchObject({ code: 0 });
      const { path, removed } = await snapshot('--keep', '2');
      copies.push(path);
      expect(removed).toEqual(copies.slice(-3, -2));
      using copy = openDatabase(path);
      expect(copy.pragma('integrity_check', { simple: true })).toBe('ok');
      expect(copy.prepare('SELECT hostname FROM routes ORDER BY hostname').pluck().all()).toEqual(hostnames);
    }
    const backups = join(dir, 'backups');
    expect(readdirSync(backups).map((name) => join(backups, name))).toEqual(expect.arrayContaining(copies.slice(1)));
    expect(readdirSync(backups)).toHaveLength(2);
    expect(await asks(proxy, 'a.test')).toBe('served');
  });
});

function openDatabase(path: string): Sqlite.Database & Disposable {
  const database = new Sqlite(path, { fileMustExist: true });
  return Object.assign(database, { [Symbol.dispose]: () => void database.close() });
}
