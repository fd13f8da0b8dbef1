import { statSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Writer } from '../../../mcdsl/database/index.ts';
import { openTempStore, type TempStore } from '../test-support/temp-store.ts';
import { readMeta, writeMeta } from './index.ts';

let temp: TempStore;
beforeEach(() => {
  temp = openTempStore();
});
afterEach(() => temp[Symbol.dispose]());

function addAccount(writer: Writer, id: string, name: string, type = 'human', status = 'enabled'): void {
  writer.run('INSERT INTO accounts (id, name, type, status, created_at) VALUES (?, ?, ?, ?, 1)', [
    id,
    name,
    type,
    status,
  ]);
}

function grant(writer: Writer, id: string, role: string): void {
  writer.run("INSERT INTO account_roles (account_id, role, granted_by, created_at) VALUES (?, ?, 'test', 1)", [
    id,
    role,
  ]);
}

describe('the database of mcias', () => {
  it('is readable by its owner alone', () => {
    expect(statSync(temp.path).mode & 0o777).toBe(0o600);
  });

  it('IA-2 refuses a role of a system account in a trigger', () => {
    temp.store.change((w) => addAccount(w, 's1', 'mcq', 'system'));
    expect(() => temp.store.change((w) => grant(w, 's1', 'user'))).toThrow(/a system account holds no role/);
    expect(() => temp.store.change((w) => w.run("UPDATE accounts SET type = 'human'"))).toThrow(/type of an account/);
  });

  it('IA-5 refuses guest together with another role in a trigger', () => {
    temp.store.change((w) => {
      addAccount(w, 'h1', 'guest1');
      addAccount(w, 'h2', 'user1');
      grant(w, 'h1', 'guest');
      grant(w, 'h2', 'user');
      grant(w, 'h2', 'admin');
    });
    expect(() => temp.store.change((w) => grant(w, 'h1', 'user'))).toThrow(/guest stands alone/);
    expect(() => temp.store.change((w) => grant(w, 'h2', 'guest'))).toThrow(/guest stands alone/);
  });

  it('IA-7 keeps names of deleted and renamed accounts, and of system accounts', () => {
    temp.store.change((w) => {
      addAccount(w, 'h1', 'ann');
      addAccount(w, 'h2', 'bob');
      addAccount(w, 's1', 'mcq', 'system');
      w.run("INSERT INTO former_names (name, account_id, created_at) VALUES ('anna', 'h1', 1)");
      w.run("UPDATE accounts SET status = 'deleted' WHERE id = 'h2'");
    });
    expect(() => temp.store.change((w) => addAccount(w, 'h3', 'bob'))).toThrow();
    expect(() => temp.store.change((w) => addAccount(w, 'h3', 'anna'))).toThrow(/belonged to another account/);
    expect(() => temp.store.change((w) => w.run("UPDATE accounts SET name = 'q' WHERE id = 's1'"))).toThrow();
    expect(() => temp.store.change((w) => w.run("UPDATE accounts SET name = 'anna' WHERE id = 'h2'"))).toThrow();
    expect(() => temp.store.change((w) => w.run("DELETE FROM accounts WHERE id = 'h2'"))).toThrow(/never removed/);
    expect(() => temp.store.change((w) => w.run("UPDATE accounts SET status = 'enabled' WHERE id = 'h2'"))).toThrow();
    temp.store.change((w) => w.run("UPDATE accounts SET name = 'anna' WHERE id = 'h1'"));
  });

  it('IA-67 refuses to change or remove audit entries outside pruning', () => {
    temp.store.change((w) => {
      w.run(
        `INSERT INTO audit (seq, at, actor, actor_kind, event, target, service, ip, reason, request_id, details, prev_hash, hash)
         VALUES (1, 1, '', '', 'e', '', '', '', '', '', '{}', x'00', x'01')`,
      );
    });
    expect(() => temp.store.change((w) => w.run("UPDATE audit SET event = 'f'"))).toThrow(/never changed/);
    expect(() => temp.store.change((w) => w.run('DELETE FROM audit'))).toThrow(/pruning alone/);
    temp.store.change((w) => {
      writeMeta(w, 'audit_pruned_to', '1', 1);
      w.run('DELETE FROM audit');
    });
  });

  it('keeps values of meta', () => {
    expect(readMeta(temp.store.reader, 'rp_id')).toBeNull();
    temp.store.change((w) => writeMeta(w, 'rp_id', 'a.test', 1));
    temp.store.change((w) => writeMeta(w, 'rp_id', 'b.test', 2));
    expect(readMeta(temp.store.reader, 'rp_id')).toBe('b.test');
  });

  it('IA-10 shows that another process has changed it', () => {
    const before = temp.store.dataVersion();
    temp.store.change((w) => writeMeta(w, 'rp_id', 'a.test', 1));
    expect(temp.store.dataVersion()).toBe(before);
    const other = new Sqlite(temp.path);
    other.prepare("INSERT INTO meta (key, value, created_at) VALUES ('policy_revision', '1', 1)").run();
    other.close();
    expect(temp.store.dataVersion()).not.toBe(before);
  });

  it('IA-40 counts changes, its own and those of others, also one that failed', () => {
    const { store } = temp;
    const before = store.changes();
    readMeta(store.reader, 'rp_id');
    expect(store.changes()).toBe(before);
    store.change((w) => writeMeta(w, 'rp_id', 'a.test', 1));
    const own = store.changes();
    expect(own).toBeGreaterThan(before);
    const fails = (): never => {
      throw new Error('undone');
    };
    expect(() => store.change(fails)).toThrow('undone');
    const undone = store.changes();
    expect(undone).toBeGreaterThan(own);
    const other = new Sqlite(temp.path);
    other.prepare("INSERT INTO meta (key, value, created_at) VALUES ('policy_revision', '1', 1)").run();
    other.close();
    expect(store.changes()).toBeGreaterThan(undone);
  });

  it('IA-66 answers audit_unavailable when nothing can be written, with nothing changed', () => {
    const other = new Sqlite(temp.path);
    other.exec('BEGIN IMMEDIATE');
    try {
      expect(() => temp.store.change((w) => addAccount(w, 'h1', 'ann'))).toThrow(
        expect.objectContaining({ code: 'audit_unavailable', http: 503, retry: true }),
      );
    } finally {
      other.exec('ROLLBACK');
      other.close();
    }
    expect(temp.store.reader.all('SELECT id FROM accounts')).toEqual([]);
  });
});
