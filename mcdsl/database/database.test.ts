import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import Sqlite from 'better-sqlite3';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { databaseErrors, openDatabase, openReadonlyDatabase } from './index.ts';
import type { Migration, Writer } from './index.ts';

const first: Migration = {
  version: 1,
  name: 'routes',
  up: `CREATE TABLE routes (host TEXT PRIMARY KEY, hits INTEGER NOT NULL DEFAULT 0) STRICT;
       CREATE TABLE rules (id INTEGER PRIMARY KEY, host TEXT NOT NULL REFERENCES routes(host)) STRICT;`,
};
const second: Migration = {
  version: 2,
  name: 'fill',
  up: (writer) => void writer.run('INSERT INTO routes (host) VALUES (?)', ['made.by.migration']),
};
const migrations = [first, second];

let dir: string;
let file: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'mc-database-'));
  file = path.join(dir, 'demo.db');
});
afterEach(() => fs.rmSync(dir, { recursive: true }));

const open = (more: Partial<Parameters<typeof openDatabase>[0]> = {}) =>
  openDatabase({ path: file, migrations, ...more });

function hosts(): unknown[] {
  using db = openReadonlyDatabase({ path: file, migrations });
  return db.reader.all<{ host: string }>('SELECT host FROM routes ORDER BY host').map((row) => row.host);
}

function add(writer: Writer, host: string): void {
  writer.run('INSERT INTO routes (host) VALUES (@host)', { host });
}

describe('opening', () => {
  it('creates a database of mode 0600, in WAL with full sync and foreign keys, and says so', () => {
    using db = open();
    expect(db.opened).toEqual({ setAside: null, migration: { fromVersion: 0, toVersion: 2 }, warnings: [] });
    for (const part of ['', '-wal', '-shm']) expect(fs.statSync(file + part).mode & 0o777).toBe(0o600);
    const pragma = (name: string) => Object.values(db.reader.get(`SELECT * FROM pragma_${name}`) ?? {})[0];
    expect(['journal_mode', 'synchronous', 'foreign_keys', 'trusted_schema', 'busy_timeout'].map(pragma)).toEqual([
      'wal',
      2,
      1,
      0,
      1000,
    ]);
  });

  it('closes a mode that lets others read, with a warning', () => {
    open()[Symbol.dispose]();
    fs.chmodSync(file, 0o644);
    using db = open();
    expect(db.opened.warnings).toEqual([expect.stringContaining('could be read by other users')]);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  });

  it('says what to do when the folder is missing or the path is a folder', () => {
    expect(() => open({ path: path.join(dir, 'no', 'demo.db') })).toThrowError(
      expect.objectContaining({ code: 'database_unavailable', message: expect.stringContaining('no such file') }),
    );
    expect(() => open({ path: dir })).toThrowError(expect.objectContaining({ code: 'database_unavailable' }));
    expect(() => openReadonlyDatabase({ path: file, migrations })).toThrowError(/does not exist/);
  });
});

describe('migrations', () => {
  it('run once each, in order, and only those that are missing', () => {
    open({ migrations: [first] })[Symbol.dispose]();
    using db = open();
    expect(db.opened.migration).toEqual({ fromVersion: 1, toVersion: 2 });
    db[Symbol.dispose]();
    using again = open();
    expect(again.opened.migration).toEqual({ fromVersion: 2, toVersion: 2 });
    expect(hosts()).toEqual(['made.by.migration']);
  });

  it('leave the version before when one fails, and say which and why', () => {
    const bad: Migration = { version: 3, name: 'bad', up: "INSERT INTO routes (host) VALUES ('x'); SELECT nonsense;" };
    expect(() => open({ migrations: [...migrations, bad] })).toThrowError(
      expect.objectContaining({
        code: 'database_migration_failed',
        message: expect.stringContaining('migration 3 (bad) failed and was undone: no such column: nonsense'),
      }),
    );
    using db = open();
    expect(db.schemaVersion()).toBe(2);
    expect(hosts()).toEqual(['made.by.migration']);
  });

  it('may rebuild tables but not break a foreign key', () => {
    const orphan: Migration = { version: 3, name: 'orphan', up: "INSERT INTO rules (host) VALUES ('nobody')" };
    expect(() => open({ migrations: [...migrations, orphan] })).toThrowError(/1 rows break a foreign key/);
    using db = open();
    expect(() => db.transaction((writer) => writer.run("INSERT INTO rules (host) VALUES ('nobody')"))).toThrowError(
      expect.objectContaining({ code: 'database_constraint' }),
    );
  });

  it('refuse a database of a newer program and leave it alone', () => {
    open()[Symbol.dispose]();
    for (const attempt of [
      () => open({ migrations: [first], onCorrupt: 'set-aside' }),
      () => openReadonlyDatabase({ path: file, migrations: [first] }),
    ]) {
      expect(attempt).toThrowError(
        expect.objectContaining({
          code: 'database_schema_newer',
          message: expect.stringContaining('has schema 2 and this program knows up to 1'),
        }),
      );
    }
    expect(hosts()).toEqual(['made.by.migration']);
  });

  it('are asked for by a reader of an older database', () => {
    open({ migrations: [first] })[Symbol.dispose]();
    expect(() => openReadonlyDatabase({ path: file, migrations })).toThrowError(
      expect.objectContaining({ code: 'database_schema_older' }),
    );
  });

  it('are numbered without gaps', () => {
    expect(() => open({ migrations: [second] })).toThrowError(/version 2, expected 1/);
    expect(() => open({ migrations: [{ ...first, name: '' }] })).toThrowError(/no name/);
    expect(fs.existsSync(file)).toBe(false);
  });
});

describe('reading and writing', () => {
  it('gives rows, or null, by position and by name', () => {
    using db = open();
    db.transaction((writer) => {
      add(writer, 'a');
      expect(writer.run('UPDATE routes SET hits = hits + ?', [5])).toMatchObject({ changes: 2 });
    });
    expect(db.reader.get('SELECT hits FROM routes WHERE host = @host', { host: 'a' })).toEqual({ hits: 5 });
    expect(db.reader.get('SELECT hits FROM routes WHERE host = ?', ['b'])).toBeNull();
    expect([...db.reader.iterate<{ host: string }>('SELECT host FROM routes ORDER BY host')]).toHaveLength(2);
    for (const row of db.reader.iterate('SELECT host FROM routes')) {
      expect(row).toBeDefined();
      break;
    }
    db.transaction((writer) => add(writer, 'after an iteration left early'));
  });

  it('PX-15 refuses to write to a file that was removed or replaced while it was open: nothing is acknowledged and lost', () => {
    using db = open();
    db.transaction((writer) => add(writer, 'before'));
    fs.renameSync(file, `${file}.away`);
    expect(() => db.transaction((writer) => add(writer, 'lost'))).toThrowError(/was removed or replaced/);
    fs.copyFileSync(`${file}.away`, file);
    expect(() => db.transaction((writer) => add(writer, 'lost'))).toThrowError(/was removed or replaced/);
    fs.renameSync(`${file}.away`, file);
    db.transaction((writer) => add(writer, 'put back'));
  });

  it('PX-21 keeps other processes from writing while it holds the writes, and goes on itself', () => {
    using db = open();
    using other = open({ busyTimeoutMs: 0 });
    const hold = db.holdWrites();
    db.transaction((writer) => add(writer, 'held'));
    expect(() => other.transaction((writer) => add(writer, 'other'))).toThrowError(/locked/);
    hold[Symbol.dispose]();
    hold[Symbol.dispose]();
    other.transaction((writer) => add(writer, 'other'));
    expect(other.reader.all<{ host: string }>('SELECT host FROM routes').map((row) => row.host)).toEqual(
      expect.arrayContaining(['held', 'other']),
    );
  });

  it('undoes all of a transaction that throws', () => {
    using db = open();
    expect(() =>
      db.transaction((writer) => {
        add(writer, 'a');
        throw new Error('changed my mind');
      }),
    ).toThrowError('changed my mind');
    expect(() => db.transaction(async () => undefined)).toThrowError(/promise/);
    expect(() => db.transaction(() => db.transaction(() => 1))).toThrowError(/inside another/);
    expect(hosts()).toEqual(['made.by.migration']);
  });

  it('shows one state to a read of several steps', () => {
    using db = open();
    using other = openReadonlyDatabase({ path: file, migrations });
    other.read((reader) => {
      const before = reader.get('SELECT count(*) AS n FROM routes');
      db.transaction((writer) => add(writer, 'meanwhile'));
      expect(reader.get('SELECT count(*) AS n FROM routes')).toEqual(before);
    });
    expect(other.reader.get('SELECT count(*) AS n FROM routes')).toEqual({ n: 2 });
  });

  it('tells mistakes in SQL apart from refusals', () => {
    using db = open();
    expect(() => db.reader.get('SELEC 1')).toThrowError(/syntax error/);
    try {
      db.reader.get('SELEC 1');
    } catch (error) {
      expect(databaseErrors.is(error)).toBe(false);
    }
  });

  it('cannot write through a database opened for reading', () => {
    open()[Symbol.dispose]();
    using db = openReadonlyDatabase({ path: file, migrations });
    expect(db).not.toHaveProperty('transaction');
    expect(() => db.reader.get("INSERT INTO routes (host) VALUES ('x') RETURNING host")).toThrowError(
      expect.objectContaining({ code: 'database_readonly' }),
    );
  });
});

describe('database locked', () => {
  it('fails with a clear error that may be retried, changes nothing, and recovers', () => {
    using db = open({ busyTimeoutMs: 0 });
    const other = new Sqlite(file);
    other.exec('BEGIN IMMEDIATE');
    expect(() => db.transaction((writer) => add(writer, 'a'))).toThrowError(
      expect.objectContaining({ code: 'database_locked', retry: true, http: 503, grpc: 'UNAVAILABLE' }),
    );
    expect(db.reader.all('SELECT host FROM routes')).toHaveLength(1);
    other.exec('ROLLBACK');
    other.close();
    db.transaction((writer) => add(writer, 'a'));
    expect(hosts()).toEqual(['a', 'made.by.migration']);
  });

  it('is not mistaken for damage while opening', () => {
    open()[Symbol.dispose]();
    const other = new Sqlite(file);
    other.pragma('locking_mode = EXCLUSIVE');
    other.exec('BEGIN EXCLUSIVE');
    expect(() => open({ busyTimeoutMs: 0, onCorrupt: 'set-aside' })).toThrowError(
      expect.objectContaining({ code: 'database_locked' }),
    );
    other.close();
    expect(fs.readdirSync(dir).filter((name) => name.includes('corrupt'))).toEqual([]);
  });
});

describe('database corrupt', () => {
  /** A database of many pages, all of them in the main file. */
  function fill(): void {
    using db = open();
    db.transaction((writer) => {
      for (let i = 0; i < 2000; i++) add(writer, `host-${i}-${'x'.repeat(40)}`);
    });
  }

  it('is refused with a clear error and left alone', () => {
    fs.writeFileSync(file, 'this is no database, it is a text of more than a hundred bytes '.repeat(4));
    const before = fs.readFileSync(file);
    expect(() => open()).toThrowError(
      expect.objectContaining({ code: 'database_corrupt', message: expect.stringContaining('is damaged') }),
    );
    expect(fs.readFileSync(file)).toEqual(before);
  });

  it('is set aside under a dated name on request, with its WAL, and a fresh one opened', () => {
    fill();
    const bytes = fs.readFileSync(file);
    bytes.fill(0xa5, 4096, 20_000);
    fs.writeFileSync(file, bytes);
    fs.writeFileSync(`${file}-wal`, 'left over');
    using db = open({ onCorrupt: 'set-aside' });
    const aside = db.opened.setAside!;
    expect(aside.path).toMatch(/demo\.db\.corrupt-\d{8}T\d{6}Z$/);
    expect(aside.reason).not.toBe('');
    expect(fs.readFileSync(aside.path)).toEqual(bytes);
    expect(db.opened.migration.fromVersion).toBe(0);
    expect(hosts()).toEqual(['made.by.migration']);
  });

  it('is set aside a second time without overwriting the first', () => {
    const paths = [1, 2, 3].map((n) => {
      for (const part of ['-wal', '-shm']) fs.rmSync(file + part, { force: true });
      fs.writeFileSync(file, `garbage ${n} `.repeat(50));
      using db = open({ onCorrupt: 'set-aside' });
      return db.opened.setAside!.path;
    });
    expect(new Set(paths).size).toBe(3);
    for (const [i, aside] of paths.entries()) expect(fs.readFileSync(aside, 'utf8')).toContain(`garbage ${i + 1}`);
  });

  it('never ends in anything but a sound database or a clear error, wherever the damage is', () => {
    fill();
    const sound = fs.readFileSync(file);
    const damage = fc.record({
      at: fc.nat(sound.length - 1),
      length: fc.integer({ min: 1, max: 9000 }),
      byte: fc.nat(255),
      cut: fc.option(fc.nat(sound.length)),
    });
    fc.assert(
      fc.property(damage, ({ at, length, byte, cut }) => {
        for (const name of fs.readdirSync(dir)) fs.rmSync(path.join(dir, name));
        const bytes = Buffer.from(sound).fill(byte, at, Math.min(at + length, sound.length));
        fs.writeFileSync(file, bytes.subarray(0, cut ?? bytes.length));
        try {
          using db = open({ onCorrupt: 'set-aside' });
          db.transaction((writer) => add(writer, 'still works'));
        } catch (error) {
          // Damage inside the schema's text can pass quick_check and then be a missing table.
          expect(databaseErrors.is(error) || error instanceof Sqlite.SqliteError).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });
});
