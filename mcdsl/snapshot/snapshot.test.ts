import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { openDatabase } from '../database/index.ts';
import type { Migration } from '../database/index.ts';
import { listSnapshots, takeSnapshot } from './index.ts';

const isRoot = process.getuid?.() === 0;
const migrations: Migration[] = [
  { version: 1, name: 'items', up: 'CREATE TABLE items (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT' },
];

let dir: string;
let file: string;
let backups: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'mc-snapshot-'));
  file = path.join(dir, 'mc-demo.db');
  backups = path.join(dir, 'backups');
});
afterEach(() => fs.rmSync(dir, { recursive: true }));

const at = (second: number) => new Date(Date.UTC(2026, 10, 20, 20, 0, second));

function create(rows: number): void {
  using db = openDatabase({ path: file, migrations });
  db.transaction((writer) => {
    for (let i = 0; i < rows; i++) writer.run('INSERT INTO items (data) VALUES (?)', [Buffer.alloc(500)]);
  });
}

function count(database: string): number {
  using db = openDatabase({ path: database, migrations });
  return db.reader.get<{ n: number }>('SELECT count(*) AS n FROM items')!.n;
}

describe('snapshot', () => {
  it('PX-24 copies the database beside it, named by UTC time, sound and complete', () => {
    create(10);
    const snapshot = takeSnapshot({ path: file, time: at(0) });
    expect(snapshot).toEqual({
      path: path.join(backups, 'mc-demo-20261120T200000Z.db'),
      sizeBytes: fs.statSync(snapshot.path).size,
      schemaVersion: 1,
      removed: [],
    });
    expect(fs.readdirSync(backups)).toEqual(['mc-demo-20261120T200000Z.db']);
    expect(fs.statSync(backups).mode & 0o007).toBe(0);
    expect(fs.statSync(snapshot.path).mode & 0o137).toBe(0);
    expect(count(snapshot.path)).toBe(10);
  });

  it('PX-24 keeps the newest N, and never removes a file that it did not name', () => {
    create(1);
    const foreign = [
      'mc-demo-20200101T000000Z.db.gz',
      'mc-demo-2-20200101T000000Z.db',
      'other-20200101T000000Z.db',
      'mc-demo-20200101T000000Z-1.db',
      'mc-demo-20200101.db',
      'xmc-demo-20200101T000000Z.db',
      '.mc-demo-20200101T000000Z.db.partial',
    ];
    fs.mkdirSync(backups);
    for (const name of foreign) fs.writeFileSync(path.join(backups, name), 'mine');
    fs.mkdirSync(path.join(backups, 'mc-demo-20200101T000000Z.db'));
    fs.symlinkSync(file, path.join(backups, 'mc-demo-20200102T000000Z.db'));
    const before = fs.readdirSync(backups).sort();
    for (let second = 0; second < 5; second++) takeSnapshot({ path: file, keep: 3, time: at(second) });
    const ours = [2, 3, 4].map((second) => `mc-demo-20261120T20000${second}Z.db`);
    expect(fs.readdirSync(backups).sort()).toEqual([...before, ...ours].sort());
    expect(takeSnapshot({ path: file, keep: 1, time: at(9) }).removed).toHaveLength(3);
  });

  it('gives several of one second names of their own, in order', () => {
    create(1);
    const paths = Array.from({ length: 12 }, () => takeSnapshot({ path: file, keep: 12, time: at(0) }).path);
    expect(listSnapshots(backups, file)).toEqual(paths.reverse());
    expect(takeSnapshot({ path: file, keep: 2, time: at(0) }).removed).toHaveLength(11);
    expect(listSnapshots(backups, file)).toEqual([path.join(backups, 'mc-demo-20261120T200000Z-13.db'), paths[0]]);
  });

  it('removes what a killed snapshot left, once it is a day old', () => {
    create(1);
    fs.mkdirSync(backups);
    const stale = path.join(backups, '.mc-demo-20200101T000000Z.db.partial');
    const fresh = path.join(backups, '.mc-demo-20261120T195959Z.db.partial');
    for (const name of [stale, fresh]) fs.writeFileSync(name, '');
    fs.utimesSync(stale, new Date(0), new Date(0));
    takeSnapshot({ path: file, time: new Date() });
    expect([fs.existsSync(stale), fs.existsSync(fresh)]).toEqual([false, true]);
  });

  it('PX-24 works while another process writes: each copy is one consistent state', async () => {
    create(0);
    const program = `import { openDatabase } from ${JSON.stringify(new URL('../database/index.ts', import.meta.url).href)};
      import fs from 'node:fs';
      const db = openDatabase({ path: ${JSON.stringify(file)}, migrations: ${JSON.stringify(migrations)} });
      const insert = (w) => w.run('INSERT INTO items (data) VALUES (?)', [Buffer.alloc(500)]);
      for (;;) { db.transaction((w) => { insert(w); insert(w); }); fs.writeSync(1, '.'); }`;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program]);
    await once(child.stdout, 'data');
    child.stdout.resume();
    const counts = Array.from({ length: 10 }, (_, i) =>
      count(takeSnapshot({ path: file, keep: 20, time: at(i) }).path),
    );
    child.kill('SIGKILL');
    await once(child, 'close');
    for (const [i, n] of counts.entries()) {
      expect(n % 2).toBe(0);
      expect(n).toBeGreaterThanOrEqual(counts[i - 1] ?? 1);
    }
  });

  it('refuses a missing database, a bad count and an unusable folder, and changes nothing', () => {
    expect(() => takeSnapshot({ path: file })).toThrowError(expect.objectContaining({ code: 'database_unavailable' }));
    expect(fs.existsSync(file)).toBe(false);
    create(1);
    for (const keep of [0, -1, 1.5, Number.NaN])
      expect(() => takeSnapshot({ path: file, keep })).toThrowError(RangeError);
    fs.writeFileSync(backups, 'a file');
    expect(() => takeSnapshot({ path: file })).toThrowError(
      expect.objectContaining({ code: 'database_unavailable', message: expect.stringContaining(backups) }),
    );
  });

  it('fails on a damaged database, leaves nothing behind and keeps the older copies', () => {
    create(100);
    takeSnapshot({ path: file, time: at(0) });
    const bytes = fs.readFileSync(file);
    fs.writeFileSync(file, bytes.fill(0xa5, 4096, 30_000));
    expect(() => takeSnapshot({ path: file, keep: 1, time: at(1) })).toThrowError(
      expect.objectContaining({ code: 'database_corrupt' }),
    );
    expect(fs.readdirSync(backups)).toEqual(['mc-demo-20261120T200000Z.db']);
  });
});

describe.skipIf(!isRoot)('snapshot on a full disk (needs root to mount a small tmpfs)', () => {
  beforeEach(() => {
    fs.mkdirSync(backups);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', backups]);
  });
  afterEach(() => execFileSync('umount', [backups]));

  it('fails with a clear error and leaves nothing behind', () => {
    create(2000);
    expect(() => takeSnapshot({ path: file })).toThrowError(expect.objectContaining({ code: 'database_full' }));
    expect(fs.readdirSync(backups)).toEqual([]);
    expect(count(file)).toBe(2000);
  });
});
