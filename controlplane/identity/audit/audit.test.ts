import Sqlite from 'better-sqlite3';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createTestClock, type TestClock } from '../test-support/clock.ts';
import { openTempStore, type TempStore } from '../test-support/temp-store.ts';
import {
  appendAudit,
  appendFailure,
  auditAfter,
  closeFailures,
  everything,
  lastAuditSeq,
  listAudit,
  pruneAudit,
  serverSource,
  verifyAudit,
  type AuditEntry,
} from './index.ts';

let temp: TempStore;
let clock: TestClock;
beforeEach(() => {
  temp = openTempStore();
  clock = createTestClock();
});
afterEach(() => temp[Symbol.dispose]());

const entry = (target: string, more: Partial<AuditEntry> = {}): AuditEntry => ({
  ...serverSource,
  event: 'account.updated',
  target,
  service: '',
  reason: '',
  details: {},
  ...more,
});
const append = (...targets: string[]) =>
  temp.store.change((w) => targets.forEach((target) => appendAudit(w, entry(target), clock.now())));
const refused = entry('ann', { event: 'login.refused', reason: 'wrong_password', ip: '192.0.2.1' });
const fail = (times: number, failure = refused) => {
  for (let i = 0; i < times; i++) temp.store.change((w) => appendFailure(w, failure, clock.now()));
};
const all = () => listAudit(temp.store.reader, everything, { limit: 500, cursor: null }).items.toReversed();

/** What somebody with the file in their hands can do. */
function tamper(sql: string): void {
  const db = new Sqlite(temp.path);
  db.exec(`DROP TRIGGER audit_is_append_only; DROP TRIGGER audit_is_pruned_from_the_start; ${sql}`);
  db.close();
}

describe('the audit log', () => {
  it('IA-66 stands in the transaction of the change', () => {
    const failing = () =>
      temp.store.change((w) => {
        appendAudit(w, entry('ann'), clock.now());
        throw new Error('the change fails');
      });
    expect(failing).toThrow('the change fails');
    expect(all()).toEqual([]);
    append('ann');
    expect(all()).toMatchObject([{ seq: 1, at: clock.now(), target: 'ann', actorKind: 'server' }]);
  });

  it('lists newest first in pages, by time, event and account', () => {
    append('a', 'b', 'c');
    clock.advance(1000);
    temp.store.change((w) => appendAudit(w, entry('x', { actor: 'a', event: 'logout' }), clock.now()));
    const { reader } = temp.store;
    const first = listAudit(reader, everything, { limit: 3, cursor: null });
    expect(first.items.map(({ seq }) => seq)).toEqual([4, 3, 2]);
    const second = listAudit(reader, everything, { limit: 3, cursor: first.nextCursor });
    expect([second.items.map(({ seq }) => seq), second.nextCursor]).toEqual([[1], null]);
    const seqs = (filter: object) =>
      listAudit(reader, { ...everything, ...filter }, { limit: 9, cursor: null }).items.map(({ seq }) => seq);
    expect(seqs({ names: ['a'] })).toEqual([4, 1]);
    expect(seqs({ event: 'logout' })).toEqual([4]);
    expect([seqs({ since: clock.now() }), seqs({ until: clock.now() })]).toEqual([[4], [3, 2, 1]]);
    expect(auditAfter(reader, everything, 2, 9).map(({ seq }) => seq)).toEqual([3, 4]);
    expect(lastAuditSeq(reader)).toBe(4);
  });
});

describe('the hash chain', () => {
  it('IA-67 verifies as long as nobody touched it', () => {
    expect(verifyAudit(temp.store.reader)).toEqual({ ok: true, entries: 0, firstSeq: null, lastSeq: null });
    append('a', 'b', 'c');
    expect(verifyAudit(temp.store.reader)).toEqual({ ok: true, entries: 3, firstSeq: 1, lastSeq: 3 });
  });

  it.each([
    ["UPDATE audit SET target = 'z' WHERE seq = 2", 2, /content/],
    ['UPDATE audit SET at = at + 1 WHERE seq = 5', 5, /content/],
    ['DELETE FROM audit WHERE seq = 3', 3, /missing/],
    ['DELETE FROM audit WHERE seq = 1', 1, /no pruning/],
    ['DELETE FROM audit WHERE seq = 5', 5, /last entries/],
    ['DELETE FROM audit', 1, /every entry/],
    ['UPDATE audit SET prev_hash = zeroblob(32) WHERE seq = 4', 4, /follow/],
    ['UPDATE audit SET hash = zeroblob(32) WHERE seq = 4', 4, /content/],
    ['UPDATE audit SET seq = 9 WHERE seq = 5', 5, /missing/],
  ])('IA-67 shows %s', (sql, brokenSeq, why) => {
    append('a', 'b', 'c', 'd', 'e');
    tamper(sql);
    expect(verifyAudit(temp.store.reader)).toEqual({ ok: false, brokenSeq, why: expect.stringMatching(why) });
  });

  it('IA-67 goes on over prunings, each of which leaves a checkpoint', () => {
    append('a', 'b', 'c', 'd');
    clock.advance(1000);
    append('e', 'f');
    const prune = (before: number, atOnce?: number) =>
      temp.store.change((w) => pruneAudit(w, before, clock.now(), atOnce));
    expect(prune(clock.now() - 1000)).toBe(0);
    expect(prune(clock.now(), 3)).toBe(3);
    expect(prune(clock.now(), 3)).toBe(1);
    expect(all().map(({ target, event }) => target || event)).toEqual(['e', 'f', 'audit.pruned', 'audit.pruned']);
    expect(verifyAudit(temp.store.reader)).toMatchObject({ ok: true, firstSeq: 5, lastSeq: 8 });
    clock.advance(1000);
    expect(prune(clock.now())).toBe(3);
    expect(verifyAudit(temp.store.reader)).toMatchObject({ ok: true, entries: 2 });
    tamper('DELETE FROM audit WHERE seq = (SELECT min(seq) FROM audit)');
    expect(verifyAudit(temp.store.reader)).toMatchObject({ ok: false });
  });

  it('IA-67 verifies after any order of appends and prunings', () => {
    const steps = fc.array(fc.oneof(fc.constant('append'), fc.constant('prune'), fc.constant('wait')), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(steps, (order) => {
        using own = openTempStore();
        const time = createTestClock();
        for (const step of order) {
          if (step === 'append') own.store.change((w) => appendAudit(w, entry('a'), time.now()));
          if (step === 'prune') own.store.change((w) => pruneAudit(w, time.now(), time.now(), 2));
          if (step === 'wait') time.advance(1);
        }
        expect(verifyAudit(own.store.reader).ok).toBe(true);
      }),
      { numRuns: 20 },
    );
  });
});

describe('equal failures', () => {
  it('IA-67 become one counted entry beyond ten a minute', () => {
    fail(25);
    expect(all()).toHaveLength(10);
    clock.advance(60_000);
    expect(temp.store.change((w) => closeFailures(w, clock.now()))).toBe(1);
    expect(all().at(-1)).toMatchObject({ event: 'login.refused', target: 'ann', details: { repeats: 15 } });
    expect(all()).toHaveLength(11);
    expect(verifyAudit(temp.store.reader).ok).toBe(true);
  });

  it('are counted by name, address and reason', () => {
    fail(12);
    fail(1, { ...refused, target: 'bob' });
    fail(1, { ...refused, ip: '192.0.2.2' });
    fail(1, { ...refused, reason: 'totp_wrong' });
    expect(all()).toHaveLength(13);
  });

  it('of the next minute close the one before', () => {
    fail(11);
    clock.advance(60_000);
    fail(1);
    expect(all().map(({ details }) => details['repeats'] ?? 1)).toEqual([...Array.from({ length: 10 }, () => 1), 1, 1]);
    expect(all().filter(({ details }) => 'repeats' in details)).toHaveLength(1);
  });

  it('of fewer than ten leave nothing behind', () => {
    fail(3);
    clock.advance(60_000);
    expect(temp.store.change((w) => closeFailures(w, clock.now()))).toBe(0);
    expect(temp.store.reader.all('SELECT * FROM audit_repeats')).toEqual([]);
    expect(all()).toHaveLength(3);
  });
});
