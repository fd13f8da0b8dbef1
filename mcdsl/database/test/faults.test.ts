import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { databaseErrors, openDatabase } from '../index.ts';
import type { Migration } from '../index.ts';

const isRoot = process.getuid?.() === 0;
const migrations: Migration[] = [
  { version: 1, name: 'blobs', up: 'CREATE TABLE blobs (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT' },
];

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'mc-database-'));
});
afterEach(() => fs.rmSync(dir, { recursive: true }));

describe.skipIf(!isRoot)('disk full (needs root to mount a small tmpfs)', () => {
  beforeEach(() => execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir]));
  afterEach(() => execFileSync('umount', [dir]));

  it('fails writes with a clear error, goes on reading, keeps what was acknowledged, and recovers', () => {
    const file = path.join(dir, 'demo.db');
    using db = openDatabase({ path: file, migrations });
    fs.writeFileSync(path.join(dir, 'ballast'), Buffer.alloc(200_000));
    let acknowledged = 0;
    const insert = (): void => {
      db.transaction((writer) => writer.run('INSERT INTO blobs (data) VALUES (?)', [Buffer.alloc(20_000)]));
      acknowledged++;
    };
    let refused: unknown;
    while (refused === undefined) {
      try {
        insert();
      } catch (error) {
        refused = error;
      }
    }
    expect(refused).toMatchObject({ code: 'database_full', retry: true, http: 507, grpc: 'RESOURCE_EXHAUSTED' });
    const count = () => db.reader.get('SELECT count(*) AS n FROM blobs');
    expect(acknowledged).toBeGreaterThan(0);
    expect(count()).toEqual({ n: acknowledged });
    fs.rmSync(path.join(dir, 'ballast'));
    insert();
    expect(count()).toEqual({ n: acknowledged });
  });

  it('is a clear error while opening too', () => {
    fs.writeFileSync(path.join(dir, 'ballast'), Buffer.alloc(1024 * 1024));
    let refused: unknown;
    try {
      openDatabase({ path: path.join(dir, 'demo.db'), migrations, onCorrupt: 'set-aside' })[Symbol.dispose]();
    } catch (error) {
      refused = error;
    }
    expect(databaseErrors.is(refused)).toBe(true);
    expect(refused).not.toMatchObject({ code: 'database_corrupt' });
  });
});

describe('kill -9', () => {
  it('loses nothing that was acknowledged', async () => {
    const file = path.join(dir, 'demo.db');
    const program = `import { openDatabase } from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)};
      import fs from 'node:fs';
      const db = openDatabase({ path: ${JSON.stringify(file)}, migrations: ${JSON.stringify(migrations)} });
      for (;;) {
        const { lastId } = db.transaction((w) => w.run('INSERT INTO blobs (data) VALUES (?)', [Buffer.alloc(3000)]));
        fs.writeSync(1, lastId + '\\n');
      }`;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program]);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.split('\n').length > 200) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const lastAcknowledged = Number(output.trimEnd().split('\n').at(-1));
    using db = openDatabase({ path: file, migrations });
    expect(db.opened.setAside).toBeNull();
    const { n } = db.reader.get<{ n: number }>('SELECT count(*) AS n FROM blobs')!;
    expect(n).toBeGreaterThanOrEqual(lastAcknowledged);
    expect(lastAcknowledged).toBeGreaterThanOrEqual(200);
  });
});
