import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { describe, expect, it } from 'vitest';

import { takeSnapshot } from '../../../mcdsl/snapshot/index.ts';
import { proxyErrors } from '../errors.ts';
import { openStore } from '../store/index.ts';
import { makeHarness, type Harness } from './test/harness.ts';

const route = (hostname: string) => ({ hostname, backends: ['10.0.0.9:443'], mode: 'l4' });
const isRoot = process.getuid?.() === 0;

async function errorOf(change: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error: unknown = await change.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!proxyErrors.is(error)) throw new Error('a refusal of the closed table was expected', { cause: error });
  return error;
}

function hostnames(harness: Harness): string[] {
  return harness.state.routes(':443').map(({ spec }) => spec.hostname);
}

describe('the database behind the state', () => {
  it('refuses changes while another process holds the lock, and takes them after', async () => {
    await using harness = makeHarness();
    const other = new Sqlite(harness.database);
    other.exec('BEGIN IMMEDIATE');
    const error = await errorOf(harness.state.addRoute(':443', route('a.test')));
    expect(error).toMatchObject({ code: 'database_locked', message: expect.stringContaining('try again') });
    expect((await errorOf(harness.state.addFirewallRule('blocked_ip', '192.0.2.1'))).code).toBe('database_locked');
    expect(harness.state.generation).toBe(0);
    expect(harness.published).toEqual([]);
    expect(hostnames(harness)).toEqual(['file.example.test']);
    other.exec('ROLLBACK');
    other.close();
    expect(await harness.state.addRoute(':443', route('a.test'))).toMatchObject({ changed: true, generation: 1 });
  });

  it.runIf(isRoot)(
    'refuses changes on a full disk, keeps serving what it has, and takes them when there is room',
    async () => {
      const mount = mkdtempSync(join(tmpdir(), 'mc-proxy-full-'));
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mount]);
      try {
        await using harness = makeHarness(undefined, mount);
        await harness.state.addRoute(':443', route('kept.test'));
        const ballast = join(mount, 'ballast');
        expect(() => writeFileSync(ballast, Buffer.alloc(2 * 1024 * 1024))).toThrow('ENOSPC');
        const { code } = await errorOf(fillUp(harness));
        expect(code).toBe('database_full');
        const served = harness.inSync().fresh;
        const { generation } = harness.state;
        expect((await errorOf(harness.state.addRoute(':443', route('late.test')))).code).toBe('database_full');
        expect(harness.state.generation).toBe(generation);
        expect(harness.inSync()).toEqual({ fresh: served, worker: served });
        rmSync(ballast);
        await harness.state.addRoute(':443', route('late.test'));
        await harness.restart();
        expect(hostnames(harness)).toEqual(expect.arrayContaining(['kept.test', 'late.test']));
      } finally {
        execFileSync('umount', [mount]);
        rmSync(mount, { recursive: true });
      }
    },
  );

  it('sets a damaged database aside under a dated name, serves the file, and says so', async () => {
    await using harness = makeHarness();
    await harness.state.addRoute(':443', route('lost.test'));
    await harness.state[Symbol.asyncDispose]();
    truncateSync(harness.database, 5_000);
    await harness.restart();
    expect(hostnames(harness)).toEqual(['file.example.test']);
    expect(harness.state.warnings()).toEqual([
      expect.stringMatching(/the database was damaged .*corrupt-\d{8}T\d{6}Z/),
    ]);
    expect(readdirSync(harness.dir).some((name) => /^mc-proxy\.db\.corrupt-\d{8}T\d{6}Z$/.test(name))).toBe(true);
    await harness.state.addRoute(':443', route('new.test'));
    await harness.restart();
    expect(hostnames(harness).sort()).toEqual(['file.example.test', 'new.test']);
    expect(harness.state.warnings()).toEqual([]);
  });

  it('leaves out rows that do not validate, names them, and keeps the others', async () => {
    await using harness = makeHarness();
    await harness.state.addRoute(':443', route('good.test'));
    const database = new Sqlite(harness.database);
    const spec = JSON.stringify({ ...JSON.parse(database.prepare('SELECT spec FROM routes').pluck().get() as string) });
    const insert = database.prepare('INSERT INTO routes VALUES (?, ?, ?, 0, 0)');
    insert.run(':443', 'other.test', spec);
    insert.run(':443', 'list.test', '[]');
    insert.run(':443', 'port.test', spec.replace('good.test', 'port.test').replace(':443', ':x'));
    database.exec(
      `INSERT INTO firewall_rules VALUES ('blocked_ip', 'x', 0), ('blocked_cidr', '192.0.2.0/024', 0), ('y', 'z', 0)`,
    );
    database.exec(`INSERT INTO rate_limit VALUES (1, -5, 10, 0)`);
    database.exec(
      `INSERT INTO policies VALUES (':443', 'good.test', 'x', 'y', 0), (':443', 'good.test', 'require_header', 'a b', 0)`,
    );
    database.close();
    await harness.restart();
    expect(hostnames(harness).sort()).toEqual(['file.example.test', 'good.test']);
    expect(harness.state.firewall()).toMatchObject({ rateLimit: { limit: 20 }, rules: [{ origin: 'config' }] });
    expect(harness.state.warnings()).toHaveLength(9);
    expect(harness.state.warnings()).toContainEqual(
      'the route other.test on :443 of the database is not used: its spec is of good.test',
    );
    await harness.state.addRoute(':443', route('port.test'));
    await harness.restart();
    expect(hostnames(harness)).toContain('port.test');
  });

  it('takes routes of a version without health checks for what they were: not checked', async () => {
    await using harness = makeHarness();
    await harness.state.addRoute(':443', route('old.test'));
    const [, before] = harness.state.routes(':443');
    const database = new Sqlite(harness.database);
    database.exec(`UPDATE routes SET spec = json_remove(spec, '$.health')`);
    database.close();
    await harness.restart();
    expect(harness.state.routes(':443')[1]).toEqual(before);
    expect(harness.state.warnings()).toEqual([]);
  });

  it('refuses to start on a path that cannot be a database, and says why', () => {
    expect(() => openStore({ path: '/nonexistent/mc-proxy.db' })).toThrow(/\/nonexistent\/mc-proxy\.db/);
  });

  it('PX-24 a snapshot taken between changes is a database that starts with what was acknowledged before it', async () => {
    await using harness = makeHarness();
    await harness.state.addRoute(':443', route('before.test'));
    const folder = join(harness.dir, 'backups');
    const taken = takeSnapshot({ path: harness.database, folder, keep: 2 });
    await harness.state.addRoute(':443', route('after.test'));
    await harness.state[Symbol.asyncDispose]();
    rmSync(`${harness.database}-wal`, { force: true });
    copyFileSync(taken.path, harness.database);
    await harness.restart();
    expect(hostnames(harness).sort()).toEqual(['before.test', 'file.example.test']);
  });

  it('PX-15 kill -9 at any moment loses nothing that was acknowledged', async () => {
    await using harness = makeHarness();
    await harness.state[Symbol.asyncDispose]();
    const script = new URL('test/add-routes.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [script, harness.database], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8');
    for await (const chunk of child.stdout) {
      output += chunk as string;
      if (output.split('\n').length > 25) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');
    const acknowledged = output.split('\n').slice(0, -1);
    expect(acknowledged.length).toBeGreaterThanOrEqual(25);
    await harness.restart();
    expect(hostnames(harness)).toEqual(expect.arrayContaining(acknowledged));
    expect(harness.state.generation).toBeGreaterThanOrEqual(acknowledged.length);
  });
});

/** Adds routes until one is refused; the database may have some free pages left at first. */
async function fillUp(harness: Harness): Promise<never> {
  for (let index = 0; index < 10_000; index++) await harness.state.addRoute(':443', route(`fill-${index}.test`));
  throw new Error('the disk did not fill up');
}
